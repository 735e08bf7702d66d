package recipients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"filippo.io/age"
	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// most is how many rows a list has at most. So many at once are one entry of the
// log; a longer list has several, so that others can write between them.
const most, atOnce = 500_000, 5000

// A pick is a record that goes.
type pick struct {
	id  avow.RecordID
	ref list.Ref
	lot *lot
}

// A run is a list on its way out.
type run struct {
	id      avow.RecordID // zero until the first rows are entered
	list    *giving
	at      place
	key     age.Recipient
	picks   []pick
	kept    int
	leaf    int64 // the last entry that stands for rows
	invents []list.Invented
}

// A batch is rows that are entered together. What it does to the run is done when
// it is durable.
type batch struct {
	*run
	at      place
	picks   []pick
	members []ledger.Member
	entered *ledger.Pending
	end     bool
}

// enter decides, row by row, and has the log say what goes. All is decided by the
// statement and on the day that it begins with. When it returns it is durable,
// and nothing was opened yet but addresses that somebody might have stopped
// letters to.
func (s *Section) enter(ctx context.Context, name string, actor avow.Actor) (*run, error) {
	r := &run{}
	for end := false; !end; {
		var b *batch
		err := s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
			if len(r.picks) == 0 {
				if err := s.start(ctx, tx, r, name, actor); err != nil {
					return err
				}
			}
			b = &batch{run: r, at: r.at}
			return s.enterBatch(ctx, tx, b)
		})
		if err != nil {
			return nil, fmt.Errorf("give a list: %w", err)
		}
		if b.entered != nil {
			r.leaf = b.entered.Index()
		}
		r.at, r.picks, r.kept, end = b.at, append(r.picks, b.picks...), b.list.kept, b.end
		if len(r.picks) > most {
			return nil, &api.Problem{Status: 409, Title: "The list is too long", Detail: fmt.Sprintf("At most %d rows go at once. None of them was opened.", most)}
		}
	}
	return r, nil
}

// start says whether there can be a list.
func (s *Section) start(ctx context.Context, tx *store.Tx, r *run, name string, actor avow.Actor) (err error) {
	if r.list, err = s.begin(ctx, name, actor, avow.DateOf(tx.Now.UTC())); err != nil {
		return err
	}
	c, err := s.Contact(ctx, tx, name)
	if err != nil {
		return err
	}
	if r.key, err = tell.ParseKey(c.Key); err != nil {
		return &api.Problem{Status: 409, Title: "There is no key to close the list to",
			Detail: "Ask the recipient for their public age key, and set it: avow egress to " + name + " --key age1…"}
	}
	r.id = avow.NewRecordID(tx.Now)
	return nil
}

// enterBatch enters the next rows: an event for each, whom the recipient was
// given, and with the last of them the people who do not exist.
func (s *Section) enterBatch(ctx context.Context, tx *store.Tx, b *batch) (err error) {
	l := b.list
	l.kept = b.kept
	if b.end, err = s.walk(ctx, tx, l, &b.at, atOnce, true, s.taker(ctx, tx, b)); err != nil {
		return err
	}
	rows, kept := len(b.members), l.kept
	if len(b.run.picks) > 0 {
		kept -= b.kept // those before are written down
	}
	if len(b.run.picks)+rows > 0 {
		if err := tx.Do(ctx, q.AddRun, b.id[:], l.to.Name, tx.Now, rows, kept, canaries(l.now), []byte(l.to.Contract)); err != nil {
			return err
		}
	}
	if rows > 0 {
		if b.entered, err = s.Ledger.Bulk(ctx, tx, "shared", b.members, map[string]any{"recipient": l.to.Name, "contract": l.to.Contract}); err != nil {
			return err
		}
		b.entered.Then(func(ctx context.Context, tx *store.Tx, index int64) error {
			return tx.Do(ctx, q.Placed, b.id[:], index)
		})
	}
	switch {
	case !b.end:
		return nil
	case len(b.run.picks)+rows == 0:
		return errNone(l.to.Name)
	}
	b.invents, err = s.invent(ctx, tx, b.run)
	return err
}

// taker puts what goes into a batch, and remembers whom the recipient was given.
func (s *Section) taker(ctx context.Context, tx *store.Tx, b *batch) taker {
	to := b.list.to.Name
	return func(held *vault.Closed, h vault.Header, t *lot, may []avow.Purpose, digests [][32]byte) error {
		ref := s.ref(to, h.Subject)
		tx.Touch(h.Subject)
		if len(digests) == 0 {
			if err := tx.Do(ctx, q.Give, to, h.Subject[:], ref[:], []byte{}, tx.Now); err != nil {
				return err
			}
		}
		for _, d := range digests {
			tx.Touch([16]byte(d[:16])) // who stops letters at this moment does so before or after
			if err := tx.Do(ctx, q.Give, to, h.Subject[:], ref[:], d[:], tx.Now); err != nil {
				return err
			}
		}
		b.picks = append(b.picks, pick{h.ID, ref, t})
		b.members = append(b.members, ledger.Member{Who: held.Owner(), Event: s.event(b.list, h, t, may, ref)})
		return nil
	}
}

// columns are the fields that some row has, in the statement's order.
func (r *run) columns() (all []avow.Field) {
	for _, f := range r.list.to.Fields {
		if slices.ContainsFunc(r.list.lots, func(t *lot) bool { return t.why == "" && slices.Contains(t.Fields, f) }) {
			all = append(all, f)
		}
	}
	return all
}

// event is what a person's receipt says of the giving.
func (s *Section) event(l *giving, h vault.Header, t *lot, may []avow.Purpose, ref list.Ref) ledger.Event {
	x := map[string]any{"recipient": l.to.Name, "ref": ref.String(), "fields": words(t.Fields), "purposes": words(may), "contract": l.to.Contract,
		"actor": string(l.actor), "record": h.ID.String()}
	if !l.to.Until.IsZero() {
		x["until"] = l.to.Until.String()
	}
	return ledger.Event{About: h.ID, Type: "shared", Clause: l.now.Keeper("recipients." + l.to.Name), Statement: h.Version, X: x}
}

func words[S ~string](names []S) []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return all
}

// write opens the rows, a page of them at a time, and writes them with the
// invented people among them. Who was erased meanwhile is left out.
func (s *Section) write(ctx context.Context, r *run, to list.Rows) error {
	places := make([]int, len(r.invents)) // before which row each of them stands
	for i := range places {
		places[i] = rand.IntN(len(r.picks) + 1)
	}
	slices.Sort(places)
	next := 0
	canary := func(before int) error {
		for ; next < len(places) && places[next] <= before; next++ {
			if err := to.Row(r.invents[next].Ref, r.invents[next].Values); err != nil {
				return err
			}
		}
		return nil
	}
	for first := 0; first < len(r.picks); first += pageSize {
		page := r.picks[first:min(first+pageSize, len(r.picks))]
		held, err := s.hold(ctx, page)
		if err != nil {
			return err
		}
		for i, h := range held {
			if err := cmp.Or(canary(first+i), give(to, page[i], h)); err != nil {
				return err
			}
		}
	}
	return canary(len(r.picks))
}

// hold finds a page of records, closed; nil for those that are not there any more.
func (s *Section) hold(ctx context.Context, page []pick) (held []*vault.Closed, err error) {
	return held, s.Store.View(ctx, func(tx *store.Tx) error {
		held = make([]*vault.Closed, len(page))
		for i := range page {
			h, err := s.Vault.Get(ctx, tx, page[i].id)
			if err != nil && !errors.Is(err, store.ErrNone) {
				return err
			}
			if err == nil {
				held[i] = h
			}
		}
		return nil
	})
}

// give writes the row of one record.
func give(to list.Rows, p pick, held *vault.Closed) error {
	if held == nil {
		return nil
	}
	values, err := held.Open(p.lot.Fields...)
	if err != nil {
		return err
	}
	defer func() {
		for _, v := range values {
			v.Clear()
		}
	}()
	plain := make(map[avow.Field][]byte, len(values))
	for f, v := range values {
		plain[f] = v.Reveal()
	}
	return to.Row(p.ref, plain)
}

type giveIn struct {
	Actor  avow.Actor `json:"actor"`
	Format string     `json:"format"`
}

// stalled is how long a part of a list may wait to be taken.
const stalled = time.Minute

// giveOut is POST /v1/egress/{name}: the answer is the list, closed to its
// recipient's key on the way.
func (s *Section) giveOut(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	var in giveIn
	if err != nil || json.Unmarshal(body, &in, json.RejectUnknownMembers(true)) != nil || in.Format != "" && in.Format != "csv" && in.Format != "jsonl" {
		return api.Invalid("format", `Send {"actor": "mia", "format": "csv"}; the format is csv or jsonl.`)
	}
	actor, err := api.Actor(r.Context(), in.Actor)
	if err != nil {
		return err
	}
	out, err := s.enter(r.Context(), r.PathValue("name"), actor)
	if err != nil {
		return err
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // a long list takes as long as it takes, but not for ever to be taken
	late := time.AfterFunc(stalled, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	w.Header().Set("Content-Type", "application/octet-stream")
	for name, n := range map[string]int64{"Avow-Rows": int64(len(out.picks)), "Avow-Kept": int64(out.kept), "Avow-Canaries": int64(len(out.invents)), "Avow-Leaf": out.leaf} {
		w.Header().Set(name, strconv.FormatInt(n, 10))
	}
	if err := s.stream(r.Context(), out, cmp.Or(in.Format, "csv"), &taken{w, late}); err != nil {
		s.Log.Error("give a list", "recipient", out.list.to.Name, "error", err)
		panic(http.ErrAbortHandler) // an answer that ended well would say that this is all
	}
	return nil
}

// stream writes a list, closed to its recipient's key.
func (s *Section) stream(ctx context.Context, r *run, format string, w io.Writer) error {
	closed, err := age.Encrypt(w, r.key)
	if err != nil {
		return fmt.Errorf("close a list: %w", err)
	}
	to := list.New(format, closed, r.columns())
	if err := cmp.Or(s.write(ctx, r, to), to.End()); err != nil {
		return err // without the end of its last part nobody takes it for whole
	}
	return closed.Close()
}

// taken writes what has to be taken in time.
type taken struct {
	to   io.Writer
	late *time.Timer
}

func (t *taken) Write(b []byte) (int, error) {
	t.late.Reset(stalled)
	defer t.late.Stop()
	return t.to.Write(b)
}
