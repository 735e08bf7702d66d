package post

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/box"
	"github.com/avow-privacy/avow/internal/mail/meaning"
)

// Mail is avow mail.
type Mail struct {
	Boxes   []string `arg:"" name:"box" help:"A message, an mbox, a Maildir or a folder of these; - for standard input."`
	To      string   `help:"The address to which people write to stop letters: an empty mail to it stops them." placeholder:"ADDRESS"`
	JSON    bool     `name:"json" help:"Print a line of JSON for each mail."`
	Apply   bool     `help:"Hand each mail to the avow that runs, which does what it asks."`
	Private string   `help:"With --apply: the private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string   `help:"With --apply: where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// Help is what avow mail --help says more.
func (*Mail) Help() string {
	return `Sorts mail by what it wants: unsubscribe, request (of a right), child, question, bounce, complaint, auto-reply and junk. It
reads twelve languages, and prints how many there are of each. Nothing is changed, and nothing of a mail's text is printed.

  avow mail Maildir
  avow mail inbox.mbox --to privacy@harbour.example
  avow mail --json - <message.eml

With --apply each mail goes to the house that runs, as if it had been sent there: who asked for no more letters gets none,
addresses that bounced are not written to, and what somebody has to answer is kept. Nobody is answered by this. A mail
that could not be handed over is named, and the others go on; run it again, for what was done is not done twice.

  avow mail Maildir --apply --private http://127.0.0.1:8081

The JSON lines have name, kind, also (what else it wants), language, sure (by clear words or signs), right (know, copy,
correct, erase, restrict, object, opt-out or withdraw) and why (the rule that decided); with --apply also taken (the kind as
the house sees it) and done (again if it had it before). One that could not be read, or handed over, has failed (why). It exits 1 if there was one.`
}

// A sorted is a mail as it is printed.
type sorted struct {
	Name     string         `json:"name"`
	Kind     meaning.Kind   `json:"kind,omitempty"`
	Also     []meaning.Kind `json:"also,omitempty"`
	Language string         `json:"language,omitempty"`
	Sure     bool           `json:"sure"`
	Right    string         `json:"right,omitempty"`
	Why      string         `json:"why,omitempty"`
	Taken    string         `json:"taken,omitempty"`
	Done     string         `json:"done,omitempty"`
	Failed   string         `json:"failed,omitempty"`
}

// A sorter goes through mailboxes.
type sorter struct {
	*Mail
	w     *world.World
	own   meaning.Own
	house *client.Client
	token string

	kinds  map[meaning.Kind]int
	sure   map[meaning.Kind]int
	spoken map[meaning.Kind]map[string]int
	done   map[string]int
	failed int
	inRow  int // failed one after the other
	read   int64
}

// Run runs avow mail.
func (c *Mail) Run(w *world.World) error {
	s := &sorter{Mail: c, w: w, kinds: map[meaning.Kind]int{}, sure: map[meaning.Kind]int{}, spoken: map[meaning.Kind]map[string]int{}, done: map[string]int{}}
	var err error
	if c.To != "" {
		if s.own.OptOut, err = mail.ParseAddress(c.To); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
	}
	if c.Apply {
		if s.house, s.token, err = w.Staff(c.Private, c.Keys); err != nil {
			return err
		}
	}
	if err := s.all(); err != nil {
		return err
	}
	if !c.JSON {
		err = s.say()
	}
	if err == nil && s.failed > 0 {
		err = world.ErrFound
	}
	return err
}

// slow is how many bytes take about a second to look at, and to hand over.
const slow, slowApplied = 32 << 20, 256 << 10

// all sorts every mail of every box.
func (s *sorter) all() error {
	total, worth := int64(0), int64(slow)
	for _, name := range s.Boxes {
		n, err := box.Size(name)
		if err != nil {
			return err
		}
		total += n
	}
	if s.Apply {
		worth = slowApplied
	}
	progress := s.w.Progress("Sorting mail", worth)
	one := func(name string, r io.Reader) error {
		err := s.one(name, r)
		progress(min(s.read, total), total)
		return err
	}
	for _, name := range s.Boxes {
		each := box.Each
		if name == "-" {
			each = func(name string, fn func(string, io.Reader) error) error { return box.Split(name, s.w.Stdin, fn) }
		}
		if err := each(name, one); err != nil {
			return err
		}
	}
	return nil
}

// one sorts a mail. What is wrong with it is said, and the next one follows.
func (s *sorter) one(name string, r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, mail.Usual.Size+1))
	if err != nil {
		return fmt.Errorf("read mail %d: %w", s.count()+1, err)
	}
	s.read += int64(len(raw))
	out := sorted{Name: name}
	m, err := mail.Read(bytes.NewReader(raw), mail.Usual)
	if err == nil {
		what := meaning.Of(m, s.own)
		out = sorted{Name: name, Kind: what.Kind, Also: what.Also, Language: what.Language, Sure: what.Sure, Right: what.Right, Why: what.Why}
		s.note(what)
		err = s.apply(raw, &out)
	}
	if err != nil {
		out.Failed = err.Error()
		s.failed++
	}
	if s.JSON {
		if err := json.NewEncoder(s.w.Stdout).Encode(out); err != nil {
			return err
		}
	} else if err != nil {
		fmt.Fprintf(s.w.Stderr, "avow: %s: %v\n", world.Printable(name), err)
	}
	return s.enough(err)
}

func (s *sorter) note(m meaning.Meaning) {
	s.kinds[m.Kind]++
	if m.Sure {
		s.sure[m.Kind]++
	}
	if s.spoken[m.Kind] == nil {
		s.spoken[m.Kind] = map[string]int{}
	}
	if m.Language != "" {
		s.spoken[m.Kind][m.Language]++
	}
}

func (s *sorter) count() (n int) {
	for _, of := range s.kinds {
		n += of
	}
	return n
}

// apply hands a mail over. Its key lets the client try again when the
// connection breaks, which is safe: what was taken is not taken twice.
func (s *sorter) apply(raw []byte, out *sorted) error {
	if s.house == nil {
		return nil
	}
	sum := sha256.Sum256(raw)
	fed, err := s.house.FeedMail(client.WithKey(context.Background(), hex.EncodeToString(sum[:])), s.token, raw)
	if err != nil {
		return err
	}
	out.Taken, out.Done, s.inRow = fed.Kind, fed.Done, 0
	s.done[fed.Done]++
	return nil
}

// maxInRow is after how many failures in a row the house is thought to be the
// one that fails.
const maxInRow = 10

// enough ends it if no mail can be handed over any more.
func (s *sorter) enough(last error) error {
	var refused *client.Problem
	var large *mail.LimitError
	switch {
	case s.house == nil || last == nil || errors.As(last, &large):
		return nil
	case errors.As(last, &refused) && (refused.Status == 401 || refused.Status == 403):
		return errors.New("the house takes no mail with these keys")
	case refused != nil && refused.Status < 500:
		return nil // this mail is the one that is wrong
	}
	if s.inRow++; s.inRow >= maxInRow {
		return fmt.Errorf("%d mails in a row could not be handed over: once the house takes them again, run this again", s.inRow)
	}
	return nil
}

// say prints the table.
func (s *sorter) say() error {
	t := tabwriter.NewWriter(s.w.Stdout, 0, 0, 2, ' ', 0)
	if s.count() > 0 {
		fmt.Fprintln(t, "kind\tmails\tsure\tlanguages")
	}
	for _, k := range meaning.Kinds {
		if s.kinds[k] > 0 {
			fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", k, s.kinds[k], s.sure[k], counts(s.spoken[k]))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	end := "only looked, nothing changed: --apply hands them to the house that runs"
	if s.Apply {
		end = cmp.Or(counts(s.done), "nothing done")
	}
	if s.failed > 0 {
		end = fmt.Sprintf("%d failed; ", s.failed) + end
	}
	_, err := fmt.Fprintf(s.w.Stdout, "%s; %s\n", world.Count(s.count(), "mail"), end)
	return err
}

// counts lists what there is most of first.
func counts(of map[string]int) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(of[b]-of[a], strings.Compare(a, b)) })
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %d", n, of[n])
	}
	return strings.Join(names, ", ")
}
