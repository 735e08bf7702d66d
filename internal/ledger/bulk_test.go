package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

// bulk records one event for each of n people, as one entry, and says under
// which links their receipts are.
func (h *house) bulk(t testing.TB, n int, about avow.RecordID) (p *ledger.Pending, links []string) {
	t.Helper()
	h.commit(t, func(tx *store.Tx) error {
		var members []ledger.Member
		for i := range n {
			who, err := h.vault.Subject(ctx, tx, by(fmt.Sprint("member ", i)))
			if err != nil {
				return err
			}
			members = append(members, ledger.Member{Who: who, Event: ledger.Event{About: about, Type: "imported", Clause: "contact", Statement: 1}})
		}
		var err error
		if p, err = h.Bulk(ctx, tx, "import", members, map[string]any{"collection": "contact"}); err != nil {
			return err
		}
		links = nil
		for _, m := range p.Members() {
			links = append(links, h.Link(m))
		}
		return nil
	})
	return p, links
}

// Each event of a bulk has a receipt that says so, at once and by its link.
func TestBulk(t *testing.T) { each(t, testBulk) }

func testBulk(t *testing.T, dir string) {
	h := open(t, dir)
	h.record(t, "eve", 3)
	for size, n := range []int{1, 2, 7} {
		p, links := h.bulk(t, n, avow.RecordID{})
		if p.Index() != int64(3+size) {
			t.Fatal("a bulk of", n, "at", p.Index())
		}
		for i, m := range p.Members() {
			fresh, err := h.Receipt(ctx, m)
			if err != nil {
				t.Fatal(err)
			}
			kept, event, err := h.ByLink(ctx, links[i])
			if err != nil || !bytes.Equal(fresh, kept) || event.Type != "imported" {
				t.Fatalf("event %d of %d: %v\n%s\n%s", i, n, err, fresh, kept)
			}
			r, err := receipt.Verify(kept, receipt.Options{Key: h.Status().Key})
			if err != nil || r.Bulk != int64(n) || r.Index != p.Index() || m.Index() != p.Index() {
				t.Errorf("event %d of %d: %+v %v", i, n, r, err)
			}
		}
	}
	if report := h.check(t, nil); report.Kinds["b"] != 3 || report.Size != 6 {
		t.Errorf("%+v", report)
	}
	bundle, err := h.fetch("tile/entries/000.p/6")
	if err != nil || !strings.Contains(string(bundle), `"collection":"contact","k":"b","n":7,"root":"`) || strings.Contains(string(bundle), "imported") {
		t.Errorf("%s %v", bundle, err)
	}
	h.sound(t)
}

// A person who is in a bulk twice has two events that follow each other.
func TestBulkTwice(t *testing.T) {
	h := open(t, t.TempDir())
	who, _ := h.record(t, "eve", 1)
	var p *ledger.Pending
	member := ledger.Member{Who: who, Event: collected}
	h.commit(t, func(tx *store.Tx) (err error) {
		if _, err = h.Bulk(ctx, tx, "import", nil, nil); err == nil {
			t.Error("a bulk of nobody")
		}
		if _, err = h.Bulk(ctx, tx, "import", []ledger.Member{member}, map[string]any{"n": 7}); err == nil {
			t.Error("a bulk that says another number")
		}
		p, err = h.Bulk(ctx, tx, "import", []ledger.Member{member, member}, nil)
		return err
	})
	var last receipt.Event
	for i, m := range p.Members() {
		text, err := h.Receipt(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Verify(text, receipt.Options{})
		if err != nil || r.Event.N != int64(2+i) || r.Event.Prev == last.Prev {
			t.Errorf("%+v %v", r, err)
		}
		last = r.Event
	}
	if _, p := h.record(t, "eve", 1); p.Index() != 2 {
		t.Error(p.Index())
	}
	h.sound(t)
}

// sound holds the events to the state that was kept.
func (h *house) sound(t testing.TB) {
	t.Helper()
	kept, found := h.states(t)
	if kept != found {
		t.Error("the events are not those that were kept")
	}
}

func (h *house) states(t testing.TB) (kept, found [4]uint64) {
	t.Helper()
	err := h.db.View(ctx, func(tx *store.Tx) error {
		k, err := h.State(ctx, tx)
		if err != nil {
			return err
		}
		f, err := h.Scan(ctx, tx)
		kept, found = k[store.Events], f[store.Events]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept, found
}

// An event that is lost, altered or brought back shows in the state; one that is
// erased does not.
func TestState(t *testing.T) { each(t, testState) }

func testState(t *testing.T, dir string) {
	h := open(t, dir)
	h.record(t, "eve", 3)
	bob, _ := h.record(t, "bob", 2)
	h.bulk(t, 3, avow.RecordID{1})
	h.sound(t)
	h.commit(t, func(tx *store.Tx) error { return h.vault.Erase(ctx, tx, bob.ID()) })
	h.sound(t)
	for _, change := range []string{
		"UPDATE ledger_event SET leaf = leaf + 1 WHERE n = 2", "UPDATE ledger_event SET sealed = about WHERE n = 1", "DELETE FROM ledger_event WHERE n = 3",
		"UPDATE ledger_event SET pos = 2 - pos WHERE pos >= 0",
	} {
		h.commit(t, func(tx *store.Tx) error {
			n, err := tx.Exec(ctx, change)
			if n == 0 {
				t.Error("nothing was changed: this test shows nothing")
			}
			return err
		})
		if kept, found := h.states(t); kept == found {
			t.Errorf("nobody misses it: %s", change)
		}
	}
}

// What proves the members of a bulk is held to its entry.
func TestBulkDamaged(t *testing.T) {
	h := open(t, t.TempDir())
	h.bulk(t, 3, avow.RecordID{1})
	h.bulk(t, 3, avow.RecordID{2})
	h.sound(t)
	for _, change := range []string{
		"UPDATE ledger_bulk SET commitments = (SELECT commitments FROM ledger_bulk b WHERE b.leaf = 1 - ledger_bulk.leaf)",
		"UPDATE ledger_bulk SET commitments = substr(commitments, 33)", "DELETE FROM ledger_bulk WHERE leaf = 1",
	} {
		undo := errors.New("undo")
		err := h.db.Commit(ctx, func(tx *store.Tx) error {
			if n, err := tx.Exec(ctx, change); err != nil || n == 0 {
				return err
			}
			_, err := h.Scan(ctx, tx)
			var damaged *ledger.DamagedError
			if !errors.As(err, &damaged) {
				t.Errorf("nobody misses it: %s: %v", change, err)
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
	}
}

// The state goes into the log when it is another, and only then.
func TestReport(t *testing.T) { each(t, testReport) }

func testReport(t *testing.T, dir string) {
	h := open(t, dir)
	for i, reports := range []int64{1, 1, 2, 2} {
		if i%2 == 0 {
			h.record(t, "eve", 1)
		}
		if err := h.Report(ctx); err != nil {
			t.Fatal(err)
		}
		if report := h.check(t, nil); report.Kinds["r"] != reports {
			t.Errorf("after step %d: %+v", i, report)
		}
	}
	var state store.State
	err := h.db.View(ctx, func(tx *store.Tx) (err error) { state, err = h.State(ctx, tx); return err })
	root := sha256.Sum256(state.Bytes())
	bundle, _ := h.fetch("tile/entries/000.p/4")
	if err != nil || !bytes.Contains(bundle, []byte(`"root":"`+base64.StdEncoding.EncodeToString(root[:])+`","v":1,"what":"state"`)) {
		t.Errorf("%s %v", bundle, err)
	}
}

// An erasure has its tombstone in the log and in the journal, where a restore
// finds it.
func TestErase(t *testing.T) { each(t, testErase) }

func testErase(t *testing.T, dir string) {
	h := open(t, dir)
	mark := filepath.Join(dir, "high-water")
	if none, err := ledger.ReadErased(mark); err != nil || len(none) > 0 {
		t.Fatal(none, err)
	}
	stones := map[[32]byte]bool{}
	for i := range 3 {
		who, _ := h.record(t, fmt.Sprint(i), 2)
		h.bulk(t, 2, avow.RecordID{byte(i)})
		var p *ledger.Pending
		h.commit(t, func(tx *store.Tx) (err error) {
			if p, err = h.Erase(ctx, tx, who, ledger.Event{Type: "erased", Clause: "requests", Statement: 1}); err != nil {
				return err
			}
			return h.vault.Erase(ctx, tx, who.ID())
		})
		text, err := h.Receipt(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := receipt.Verify(text, receipt.Options{Key: h.Status().Key}); err != nil || r.Event.Type != "erased" || r.Event.N != 3 {
			t.Error(r, err)
		}
		stones[who.Tombstone()] = true
		erased, err := ledger.ReadErased(mark)
		if err != nil || len(erased) != len(stones) || !erased[who.Tombstone()] {
			t.Error(erased, err)
		}
		found := false
		err = h.db.View(ctx, func(tx *store.Tx) error {
			entry, err := h.Entry(ctx, tx, 1, p.Index()+1)
			if c, ok := receipt.Commitment(entry); ok {
				found = c == who.Tombstone()
			}
			return err
		})
		if err != nil || !found {
			t.Error("no tombstone in the log:", err)
		}
	}
	// An erasure that is undone leaves nothing.
	who, _ := h.record(t, "eve", 1)
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		p, err := h.Erase(ctx, tx, who, ledger.Event{Type: "erased", Statement: 1})
		if err == nil {
			p.Then(func(context.Context, *store.Tx, int64) error { return errors.New("undone") })
		}
		return err
	})
	if erased, _ := ledger.ReadErased(mark); err == nil || len(erased) != 3 {
		t.Error(erased, err)
	}
	h.sound(t)
	h.check(t, nil)
}

// A torn line in the journal spoils no other, a damaged one is named.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir)
	file, mark := filepath.Join(dir, "erased"), filepath.Join(dir, "high-water")
	erase := func(name string) (*vault.Subject, *ledger.Pending, error) {
		who, _ := h.record(t, name, 1)
		var p *ledger.Pending
		h.commit(t, func(tx *store.Tx) (err error) {
			p, err = h.Erase(ctx, tx, who, ledger.Event{Type: "erased", Statement: 1})
			return err
		})
		_, err := h.Receipt(ctx, p)
		return who, p, err
	}
	if _, _, err := erase("eve"); err != nil {
		t.Fatal(err)
	}
	whole := read(t, file)
	for end := range whole {
		for _, tail := range []string{"", "\x00\x00\x00"} {
			write(t, file, append(append(bytes.Clone(whole), whole[:end]...), tail...))
			bob, _, err := erase("bob")
			erased, err2 := ledger.ReadErased(mark)
			if err != nil || err2 != nil || len(erased) != 2 || !erased[bob.Tombstone()] {
				t.Fatalf("torn after %d bytes and %q: %v %v %v", end, tail, erased, err, err2)
			}
		}
	}
	damaged := bytes.Clone(whole)
	damaged[10] ^= 1
	write(t, file, damaged)
	if _, err := ledger.ReadErased(mark); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
	// If it cannot be written, there is no certificate, and it is said.
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	kim, _, err := erase("kim")
	if err == nil || !strings.Contains(err.Error(), "journal of erasures") {
		t.Error("a certificate without the journal:", err)
	}
	if err := h.Verify(ctx); err == nil {
		t.Error("nobody says so")
	}
	// Once it can, it has all of them.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	h.record(t, "ada", 1)
	if erased, err := ledger.ReadErased(mark); err != nil || !erased[kim.Tombstone()] {
		t.Error("the journal was not made up for:", err)
	}
	if err := h.Verify(ctx); err != nil {
		t.Error(err)
	}
}

var records = flag.Int("records", 4000, "how many records TestSize keeps")

// What a person's record of 600 bytes takes, all in: the subject with its key
// and index, the record, the event, the log's entry and tiles. The pages of tables
// that nothing is in do not count.
func TestSize(t *testing.T) {
	nothing := t.TempDir()
	open(t, nothing).leave(t)
	dir := t.TempDir()
	h := open(t, dir)
	const group = 200
	for i := 0; i < *records; i += group {
		h.commit(t, func(tx *store.Tx) error {
			for j := range group {
				if _, err := h.create(tx, i+j, bytes.Repeat([]byte("x"), 600)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	h.leave(t)
	per := float64(size(t, dir)-size(t, nothing)) / float64(*records)
	t.Logf("%.0f bytes for each of %d records of 600", per, *records)
	if per > 1420 {
		t.Errorf("%.0f bytes for a record of 600", per)
	}
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "data", "avow.db"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// create takes one person's form, as the house does.
func (h *house) create(tx *store.Tx, i int, words []byte) (*ledger.Pending, error) {
	s, err := h.vault.Subject(ctx, tx, by(fmt.Sprint(i)))
	if err != nil {
		return nil, err
	}
	id, err := h.vault.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now, Values: map[avow.Field]vault.Sealed{"message": vault.Conceal(words)}})
	if err != nil {
		return nil, err
	}
	return h.Record(ctx, tx, s, ledger.Event{About: id, New: true, Type: "collected", Clause: "contact", Statement: 1, X: map[string]any{
		"collection": "contact", "fields": []any{"email", "message", "name"}, "record": id.String(), "until": "2028-11-24"}})
}

func by(email string) vault.By { return vault.By{Field: "email", Value: []byte(email)} }
