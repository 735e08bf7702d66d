package vault

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

var benchSubjects = flag.String("vault.subjects", "10000,200000", "how many subjects BenchmarkVault runs over, with commas between")

var (
	wordsOf600 = []byte(fmt.Sprintf("%0600d", 1))
	message    = map[avow.Field]Sealed{"message": Conceal(wordsOf600), "name": Conceal([]byte("Ada Lovelace"))}
)

// fill keeps n subjects with a record each.
func (p *place) fill(t testing.TB, n int) (subjects []avow.SubjectID, records []avow.RecordID) {
	t.Helper()
	for len(subjects) < n {
		first, k := len(subjects), min(5000, n-len(subjects))
		var s [5000]avow.SubjectID
		var r [5000]avow.RecordID
		p.now = p.now.Add(time.Second)
		p.commit(t, func(tx *store.Tx) error {
			for i := range k {
				who, err := p.Subject(ctx, tx, By{Field: "email", Value: addressOf(first + i)})
				if err != nil {
					return err
				}
				if s[i] = who.id; err != nil {
					return err
				}
				r[i], err = p.Put(ctx, tx, who, Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour), Values: message})
				if err != nil {
					return err
				}
			}
			return nil
		})
		subjects, records = append(subjects, s[:k]...), append(records, r[:k]...)
	}
	return subjects, records
}

func addressOf(i int) []byte { return fmt.Appendf(nil, "person%d@example.org", i) }

// BenchmarkVault measures each operation over a few and over many subjects: the
// ratio of the two tells whether it depends on how many there are. Changes are
// made in a transaction of 100, so that what is measured is not the disk.
func BenchmarkVault(b *testing.B) {
	for _, n := range counts(*benchSubjects) {
		p := open(b)
		subjects, records := p.fill(b, n)
		step := 7919 // a prime: visits rows all over the table
		at := 0
		next := func() int { at = (at + step) % n; return at }
		view := func(name string, fn func(tx *store.Tx) error) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				err := p.db.View(ctx, func(tx *store.Tx) error {
					for b.Loop() {
						if err := fn(tx); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			})
		}
		view("get", func(tx *store.Tx) error { _, err := p.Get(ctx, tx, records[next()]); return err })
		view("get+open", func(tx *store.Tx) error {
			c, err := p.Get(ctx, tx, records[next()])
			if err == nil {
				_, err = c.Open("message", "name")
			}
			return err
		})
		view("find", func(tx *store.Tx) error { _, err := p.Find(ctx, tx, subjects[next()]); return err })
		view("lookup", func(tx *store.Tx) error {
			_, err := p.Lookup(ctx, tx, By{Field: "email", Value: addressOf(next())})
			return err
		})
		change := func(name string, fn func(tx *store.Tx) error) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; i < b.N; i += 100 {
					p.now = p.now.Add(time.Millisecond)
					p.commit(b, func(tx *store.Tx) error {
						for range min(100, b.N-i) {
							if err := fn(tx); err != nil {
								return err
							}
						}
						return nil
					})
				}
			})
		}
		fresh := n
		change("put", func(tx *store.Tx) error {
			fresh++
			s, err := p.Subject(ctx, tx, By{Field: "email", Value: addressOf(fresh)})
			if err == nil {
				_, err = p.Put(ctx, tx, s, Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour), Values: message})
			}
			return err
		})
		change("update", func(tx *store.Tx) error {
			c, err := p.Get(ctx, tx, records[next()])
			if err != nil {
				return err
			}
			return p.Update(ctx, tx, c, message, 1)
		})
		gone := n
		change("erase", func(tx *store.Tx) error { // the newest first; then those that are gone cost nothing
			if gone--; gone < n/10 {
				gone = n - 1
			}
			return p.Erase(ctx, tx, subjects[gone])
		})
	}
}

func counts(list string) (all []int) {
	for _, text := range strings.Split(list, ",") {
		var n int
		fmt.Sscan(text, &n)
		all = append(all, n)
	}
	return all
}

// BenchmarkRotate wraps 100,000 keys anew, while somebody else goes on writing.
func BenchmarkRotate(b *testing.B) {
	const n = 100_000
	p := open(b)
	p.fill(b, n)
	for b.Loop() {
		stop := make(chan struct{})
		var others sync.WaitGroup
		written := 0
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					p.put(b, fmt.Sprint("other", written), Record{Collection: "contact", Version: 1, Expires: p.now, Values: message})
					written++
				}
			}
		})
		start := time.Now()
		if _, err := p.Rotate(ctx, nil, nil); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		close(stop)
		others.Wait()
		b.ReportMetric(float64(n)/took.Seconds(), "keys/s")
		b.ReportMetric(float64(written)/took.Seconds(), "other-writes/s")
	}
}

// BenchmarkScan reads the state of 100,000 subjects.
func BenchmarkScan(b *testing.B) {
	const n = 100_000
	p := open(b)
	p.fill(b, n)
	for b.Loop() {
		start := time.Now()
		err := p.db.View(ctx, func(tx *store.Tx) error { _, err := p.Scan(ctx, tx, true, nil); return err })
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(3*n/time.Since(start).Seconds(), "rows/s")
	}
}
