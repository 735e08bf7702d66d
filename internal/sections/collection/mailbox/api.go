package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
)

// AddTo adds what staff and their programs may ask about mail.
func (s *Section) AddTo(a *api.API) {
	a.Route(api.Operation{ID: "feed-mail", Method: "POST", Path: "/v1/mail", Group: "Mail", Title: "Feed one mail",
		Says: "It is sorted and acted on as if it had been sent to us, and what it says is believed: a report of a failed delivery stops letters to the address that it names. " +
			"The sender gets an answer only with answer=yes. The body is the mail as it came, message/rfc822, of 10 MB at most. The answer says what kind of mail it was, and what was done.",
		May: api.Import, Limit: MaxSize}, "message/rfc822", "application/json", s.feed)
	api.Add(a, api.Operation{ID: "mail", Method: "GET", Path: "/v1/mail", Group: "Mail", Title: "List the mail that waits for somebody",
		Says: "The oldest first, at most 100, and without what is in it: that is read as any record is, by POST /v1/reads.", May: api.Staff}, s.list)
	api.Add(a, api.Operation{ID: "mail-answered", Method: "POST", Path: "/v1/mail/{record}/answered", Group: "Mail", Title: "Note that a mail was answered",
		Says: "It waits no more. The log has who says so.", Example: `{"actor": "mia"}`, May: api.Staff}, s.answered)
}

// Feed takes a mail that staff has, wherever it came in: what it says is believed.
// Its sender gets an answer only if answers says so.
func (s *Section) Feed(ctx context.Context, raw io.Reader, answers bool) (*Fed, error) {
	return s.take(ctx, Envelope{}, raw, source{fed: true, answers: answers})
}

func (s *Section) feed(w http.ResponseWriter, r *http.Request) error {
	fed, err := s.Feed(r.Context(), r.Body, r.URL.Query().Get("answer") == "yes")
	if errors.Is(err, ErrTooMuch) {
		return &api.Problem{Status: http.StatusRequestEntityTooLarge, Title: "The mail is not read", Detail: "It is larger, or in more pieces, than is read of anybody."}
	}
	if err != nil {
		return err
	}
	return page.WriteJSON(w, http.StatusOK, fed)
}

type noIn struct{}

// Open is the mail that waits for somebody.
type Open struct {
	Waiting int64      `json:"waiting" doc:"How many there are."`
	Mail    []OpenMail `json:"mail" nullable:"false" doc:"The oldest of them."`
}

// OpenMail is a mail that waits for somebody.
type OpenMail struct {
	Record string    `json:"record" doc:"Names the record that the mail is kept in." example:"rec_06fpn9k3x8r2vw5yq4mc7jt1da"`
	Kind   string    `json:"kind" doc:"What it was taken for: question, request, child or unsubscribe."`
	At     time.Time `json:"at" doc:"When it came."`
}

// most is how many open mails are listed.
const most = 100

func (s *Section) list(ctx context.Context, _ *noIn) (*Open, error) {
	out := &Open{Mail: []OpenMail{}}
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if out.Waiting, _, err = waiting(ctx, tx); err != nil {
			return err
		}
		return tx.Each(ctx, q.Open, func(scan func(...any) error) error {
			var id []byte
			var o OpenMail
			var at int64
			if err := scan(&id, &o.Kind, &at); err != nil {
				return err
			}
			o.Record, o.At = avow.RecordID(id).String(), time.UnixMicro(at).UTC()
			out.Mail = append(out.Mail, o)
			return nil
		}, most)
	})
	if err != nil {
		return nil, fmt.Errorf("list mail: %w", err)
	}
	return out, nil
}

func waiting(ctx context.Context, tx *store.Tx) (n int64, oldest time.Time, err error) {
	var at int64
	if err = tx.Get(ctx, q.Waiting, store.Into(&n, &at)); n > 0 {
		oldest = time.UnixMicro(at).UTC()
	}
	return n, oldest, err
}

// Waiting says how many mails wait for somebody, and since when the oldest does.
func (s *Section) Waiting(ctx context.Context) (n int64, oldest time.Time, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) { n, oldest, err = waiting(ctx, tx); return err })
	if err != nil {
		return 0, oldest, fmt.Errorf("waiting mail: %w", err)
	}
	return n, oldest, nil
}

type answeredIn struct {
	Record string `path:"record" doc:"Names the record of the mail."`
	Body   struct {
		Actor avow.Actor `json:"actor" doc:"Who answered." example:"mia"`
	}
}

// Answered is the answer that a mail waits no more.
type Answered struct {
	Answered bool `json:"answered" doc:"Always true."`
}

func (s *Section) answered(ctx context.Context, in *answeredIn) (*Answered, error) {
	id, err := avow.ParseRecordID(in.Record)
	if err != nil {
		return nil, api.NotHere("mail")
	}
	actor, err := api.Actor(ctx, in.Body.Actor)
	if err != nil {
		return nil, err
	}
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		held, err := s.Vault.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, q.Answered, id, tx.Now)
		if err != nil || n == 0 {
			return errors.Join(err, store.ErrNone)
		}
		e := ledger.Event{About: id, Type: "answered", Statement: held.Version, X: map[string]any{"actor": string(actor), "record": id.String()}}
		if now := s.Editions.InForce(); now != nil {
			e.Clause, e.Statement = now.Keeper("collect."+string(held.Collection)), now.Version
		}
		_, err = s.Ledger.Record(ctx, tx, held.Owner(), e)
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return nil, api.NotHere("mail")
	}
	if err != nil {
		return nil, fmt.Errorf("note an answer to %s: %w", id, err)
	}
	return &Answered{true}, nil
}
