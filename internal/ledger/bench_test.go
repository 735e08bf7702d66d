package ledger_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

func benchHouse(b *testing.B) *house {
	dir := b.TempDir()
	if _, err := seal.Create("file:"+filepath.Join(dir, "keys"), seal.Options{}); err != nil {
		b.Fatal(err)
	}
	return open(b, dir)
}

// together runs fn n times from 64 goroutines and returns the time of one.
func together(n int, fn func(i int)) time.Duration {
	begin := time.Now()
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for i := g; i < n; i += 64 {
				fn(i)
			}
		})
	}
	wg.Wait()
	return time.Since(begin) / time.Duration(n)
}

// BenchmarkTax compares, in one run and in turns, what it costs 64 goroutines to
// make one thing durable: a plain row alone in its transaction, a plain row
// under group commit, and the things of the house under group commit.
func BenchmarkTax(b *testing.B) {
	h := benchHouse(b)
	words := make([]byte, 600)
	serial := 0
	row := func(tx *store.Tx, i int) error {
		_, err := tx.Exec(ctx, "INSERT INTO statement_version VALUES ($1, $2, $3, $3, 'x', 'x', 0, 0)", int64(serial+i), words, words[:32])
		return err
	}
	data := func(i int) {
		err := h.db.Commit(ctx, func(tx *store.Tx) error {
			s, err := h.vault.Subject(ctx, tx, by(fmt.Sprint(serial+i)))
			if err != nil {
				return err
			}
			_, err = h.vault.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now, Values: map[avow.Field]vault.Sealed{"message": vault.Conceal(words)}})
			return err
		})
		if err != nil {
			b.Error(err)
		}
	}
	create := func(i int, receipts bool) {
		var p *ledger.Pending
		err := h.db.Commit(ctx, func(tx *store.Tx) (err error) {
			p, err = h.create(tx, serial+i, words)
			return err
		})
		if err != nil {
			b.Error(err)
		}
		if receipts {
			if _, err := h.Receipt(ctx, p); err != nil {
				b.Error(err)
			}
		}
	}
	_, eve := h.record(b, "eve", 1)
	who, err := h.find("eve")
	if err != nil || eve == nil {
		b.Fatal(err)
	}
	kinds := []struct {
		name string
		fn   func(i int)
	}{
		{"plain-row", func(i int) {
			if err := h.db.Commit(ctx, func(tx *store.Tx) error { return row(tx, i) }); err != nil {
				b.Error(err)
			}
		}},
		{"event", func(i int) {
			err := h.db.Commit(ctx, func(tx *store.Tx) error { _, err := h.Record(ctx, tx, who, collected); return err })
			if err != nil {
				b.Error(err)
			}
		}},
		{"row+event", func(i int) {
			err := h.db.Commit(ctx, func(tx *store.Tx) error {
				if err := row(tx, i); err != nil {
					return err
				}
				_, err := h.Record(ctx, tx, who, collected)
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}},
		{"data", data},
		{"create", func(i int) { create(i, false) }},
		{"create+receipt", func(i int) { create(i, true) }},
	}
	const batch = 2000
	spent := make([]time.Duration, len(kinds))
	alone, rounds := time.Duration(0), 0
	for b.Loop() {
		rounds++
		begin := time.Now()
		for i := range 100 {
			kinds[0].fn(i)
		}
		alone += time.Since(begin) / 100
		serial += 100
		for k, kind := range kinds {
			spent[k] += together(batch, kind.fn)
			serial += batch
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(alone.Microseconds())/float64(rounds), "alone-µs")
	for k, kind := range kinds {
		b.ReportMetric(float64(spent[k].Microseconds())/float64(rounds), kind.name+"-µs")
		b.ReportMetric(float64(spent[k])/float64(spent[0]), kind.name+"/plain")
	}
	b.ReportMetric(float64(spent[4])/float64(spent[3]), "create/data")
}

func (h *house) find(who string) (s *vault.Subject, err error) {
	err = h.db.View(ctx, func(tx *store.Tx) error {
		s, err = h.vault.Lookup(ctx, tx, vault.By{Field: "email", Value: []byte(who)})
		return err
	})
	return s, err
}

func BenchmarkReceipt(b *testing.B) {
	h := benchHouse(b)
	who, last := h.record(b, "eve", 1000)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.Receipt(ctx, last); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("old", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.ReceiptAt(ctx, who, 5); err != nil {
				b.Fatal(err)
			}
		}
	})
	text, err := h.Receipt(ctx, last)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := receipt.Verify(text, receipt.Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenRecord(b *testing.B) {
	h := benchHouse(b)
	var id avow.RecordID
	h.commit(b, func(tx *store.Tx) error {
		s, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte("eve")})
		if err != nil {
			return err
		}
		id, err = h.vault.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now, Values: map[avow.Field]vault.Sealed{"message": vault.Conceal(make([]byte, 600))}})
		return err
	})
	for b.Loop() {
		err := h.db.View(ctx, func(tx *store.Tx) error {
			c, err := h.vault.Get(ctx, tx, id)
			if err != nil {
				return err
			}
			_, err = c.Open("message")
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
