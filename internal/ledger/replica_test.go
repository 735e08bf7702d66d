package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/receipt"
)

// Two avows over one database take forms, read and erase at once: there is one
// log, with an entry for each thing that was done, a row for each event of who
// was not erased, and one state.
func TestTwoAtOnce(t *testing.T) {
	url := storetest.Postgres(t)
	var houses []*house
	for i := range 2 {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "url"), []byte(url))
		if i > 0 {
			if err := os.CopyFS(filepath.Join(dir, "keys"), os.DirFS(filepath.Join(houses[0].dir, "keys"))); err != nil {
				t.Fatal(err)
			}
		}
		houses = append(houses, open(t, dir))
	}
	const writers, each = 8, 10
	var wg sync.WaitGroup
	var mu sync.Mutex
	places := map[int64]bool{}
	links := map[string]bool{}
	for w := range writers {
		h := houses[w%2]
		wg.Go(func() {
			for i := range each {
				var p *ledger.Pending
				var link string
				err := h.db.Commit(ctx, func(tx *store.Tx) (err error) {
					if p, err = h.create(tx, w*each+i, []byte("words")); err == nil {
						link = h.Link(p)
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if places[p.Index()] {
					t.Error("two were told the same place", p.Index())
				}
				places[p.Index()] = true
				if i%5 > 0 {
					links[link] = true
				}
				mu.Unlock()
				// What one has answered, the other proves.
				other := houses[(w+1)%2]
				text, _, err := other.ByLink(ctx, link)
				if err == nil {
					_, err = receipt.Verify(text, receipt.Options{Key: h.Status().Key})
				}
				if err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					h.erase(t, fmt.Sprint(w*each+i))
				}
			}
		})
	}
	wg.Wait()
	var rows int64
	for _, h := range houses {
		if err := h.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		report := h.check(t, nil)
		// An event for each form; for each erasure an event and a tombstone.
		if want := int64(writers * (each + 2*each/5)); report.Size != want || report.Kinds["e"] != want {
			t.Errorf("%d entries, of %d", report.Size, want)
		}
		err := h.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT count(*) FROM ledger_event", &rows) })
		if err != nil || rows != int64(len(links)) {
			t.Errorf("%d events are kept, of %d: %v", rows, len(links), err)
		}
		h.sound(t)
	}
	erased := map[[32]byte]bool{}
	for _, h := range houses {
		all, err := ledger.ReadErased(filepath.Join(h.dir, "high-water"))
		if err != nil {
			t.Fatal(err)
		}
		for stone := range all {
			erased[stone] = true
		}
	}
	if len(erased) != writers*each/5 {
		t.Errorf("%d erasures are in the journals", len(erased))
	}
}

func (h *house) erase(t *testing.T, who string) {
	var p *ledger.Pending
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		s, err := h.vault.Lookup(ctx, tx, by(who))
		if err != nil {
			return err
		}
		if p, err = h.Erase(ctx, tx, s, ledger.Event{Type: "erased", Clause: "requests", Statement: 1}); err != nil {
			return err
		}
		return h.vault.Erase(ctx, tx, s.ID())
	})
	if err == nil {
		_, err = h.Receipt(ctx, p)
	}
	if err != nil && !errors.Is(err, store.ErrNone) {
		t.Error(err)
	}
}
