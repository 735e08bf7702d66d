package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

var cuts = flag.Int("cuts", 20, "how many power cuts TestPowerLoss makes")

// The power goes at any moment, with many at work. What was acknowledged is
// there, and of each request all or nothing.
func TestPowerLoss(t *testing.T) {
	disk, folder := storetest.NewDisk(t), t.TempDir()
	db := open(t, store.Config{Path: folder, VFS: disk.Name})
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Log("seed", seed)

	var mu sync.Mutex
	acknowledged := map[string]bool{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%d/%d", worker, i)
				err := db.Commit(ctx, func(tx *store.Tx) error {
					if i%50 == 49 {
						tx.Erases() // which empties the write-ahead log
					}
					for part := range 3 {
						if err := add(fmt.Sprint(part, strings.Repeat("x", 300)), name)(tx); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged[name] = true
				mu.Unlock()
			}
		})
	}
	lost, halves, all := 0, 0, 0
	for range *cuts {
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
		rest := t.TempDir()
		var want []string
		err := disk.Cut(rest, random, func() {
			mu.Lock()
			defer mu.Unlock()
			for name := range acknowledged {
				want = append(want, name)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		found := parts(t, rest)
		for _, name := range want {
			if found[name] == 0 {
				lost++
			}
		}
		for _, n := range found {
			if n != 3 {
				halves++
			}
		}
		all = len(want)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d power cuts, %d acknowledged at the last: %d lost, %d half there", *cuts, all, lost, halves)
	if lost+halves > 0 || all < 100 {
		t.Errorf("%d acknowledged changes lost, %d half there, of %d", lost, halves, all)
	}
}

// parts says how many rows each request left in a folder that was cut off.
func parts(t *testing.T, folder string) map[string]int {
	t.Helper()
	db, err := store.Open(ctx, at(folder))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := map[string]int{}
	err = db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, "SELECT outcome FROM form_tally", func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			found[name]++
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// On a full disk erasures go on, everything else is refused with the reason, and
// once there is room all is as it was.
func TestDiskFull(t *testing.T) {
	disk, folder := storetest.NewDisk(t), t.TempDir()
	db := open(t, store.Config{Path: folder, VFS: disk.Name})
	b := &book{}
	db.Attach(b)
	fill := func(i int) error {
		return db.Commit(ctx, func(tx *store.Tx) error { return add(strings.Repeat("x", 3000), fmt.Sprint(i))(tx) })
	}
	for i := range 100 {
		if err := fill(i); err != nil {
			t.Fatal(err)
		}
	}
	disk.Limit(folder, 64<<10)
	done := 100
	var full *store.FullError
	for ; done < 2000; done++ {
		if err := fill(done); err != nil {
			if !errors.As(err, &full) || !strings.Contains(err.Error(), "Make room") {
				t.Fatal(err)
			}
			break
		}
	}
	if full == nil || !db.Low() {
		t.Fatal("the disk never filled up")
	}
	if n := rows(t, db); n != done {
		t.Errorf("%d rows of %d that were acknowledged", n, done)
	}
	// Many at once: the erasures among them succeed.
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			err := db.Commit(ctx, func(tx *store.Tx) error {
				if i%2 == 1 {
					return add("f", fmt.Sprint("no", i))(tx)
				}
				tx.Erases()
				tx.Log(fmt.Sprint("erased", i))
				return tx.Do(ctx, "DELETE FROM form_tally WHERE outcome = $1", fmt.Sprint(i))
			})
			if (i%2 == 0) != (err == nil) || err != nil && !errors.As(err, new(*store.FullError)) {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := rows(t, db); n != done-25+25 || len(b.written) != 25 {
		t.Errorf("%d rows, want %d; %d entries", n, done, len(b.written))
	}

	disk.Limit(folder, -1)
	for range 100 {
		if !db.Low() {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := fill(5000); err != nil || db.Low() {
		t.Error("there is room again:", err)
	}
	if info, err := os.Stat(filepath.Join(folder, "ballast")); err != nil || info.Size() < 512<<10 {
		t.Error("the reserve did not come back:", err)
	}
}

// A disk that was mounted anew for reading only: a clear error, and nothing is
// acknowledged.
func TestDiskReadOnly(t *testing.T) {
	disk, folder := storetest.NewDisk(t), t.TempDir()
	db := open(t, store.Config{Path: folder, VFS: disk.Name})
	if err := db.Commit(ctx, add("f", "before")); err != nil {
		t.Fatal(err)
	}
	disk.ReadOnly(true)
	var readOnly *store.ReadOnlyError
	for i := range 3 {
		err := db.Commit(context.Background(), add("f", fmt.Sprint(i)))
		if !errors.As(err, &readOnly) || !strings.Contains(err.Error(), folder) {
			t.Error(err)
		}
	}
	if n := rows(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
	disk.ReadOnly(false)
	if err := db.Commit(ctx, add("f", "after")); err != nil {
		t.Error(err)
	}
}
