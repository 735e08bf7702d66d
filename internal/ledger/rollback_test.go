package ledger_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A database that is older than what was signed, or other, is not signed for
// again, and neither it nor the high-water file is touched.
func TestRolledBack(t *testing.T) {
	dir := t.TempDir()
	file, mark := filepath.Join(dir, "data", "avow.db"), filepath.Join(dir, "high-water")
	var copies [][]byte
	var marks [][]byte
	for range 3 {
		h := open(t, dir)
		h.record(t, "eve", 2)
		h.leave(t)
		copies, marks = append(copies, read(t, file)), append(marks, read(t, mark))
	}
	refused := func(what string) {
		t.Helper()
		database, high := read(t, file), read(t, mark)
		h, err := enter(dir)
		var behind *ledger.BehindError
		if !errors.As(err, &behind) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "put back") {
			if err == nil {
				h.leave(t)
			}
			t.Errorf("%s: %v", what, err)
		}
		if !bytes.Equal(read(t, file), database) || !bytes.Equal(read(t, mark), high) {
			t.Error(what + ": something was changed")
		}
	}
	write(t, file, copies[1])
	refused("it has 4 entries, and 6 were signed")

	// Somebody goes on from the older copy with another high-water file: a fork.
	write(t, mark, marks[1])
	h := open(t, dir)
	h.record(t, "mallory", 5)
	h.leave(t)
	forked := read(t, file)
	write(t, mark, marks[2])
	refused("its first 6 entries are not the ones that were signed")

	// The database may well be ahead of the file: after a crash it is.
	write(t, file, copies[2])
	write(t, mark, marks[0])
	open(t, dir).leave(t)
	if !bytes.Equal(read(t, mark), marks[2]) {
		t.Error("the high-water file was not brought up to date")
	}

	// Without the file nobody can tell; an empty one is the operator's word.
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if _, err := enter(dir); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Error(err)
	}
	write(t, file, forked)
	write(t, mark, nil)
	open(t, dir).leave(t)

	// Without the data nothing new is begun under the keys of the old.
	write(t, mark, marks[2])
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if _, err := enter(dir); err == nil || !strings.Contains(err.Error(), "6 entries were signed with these keys") {
		t.Error(err)
	}

	write(t, mark, []byte("rubbish"))
	if _, err := enter(dir); err == nil || !strings.Contains(err.Error(), "does not hold a checkpoint") {
		t.Error(err)
	}
}

// Whatever was changed in the stored log is named before anything is signed.
func TestDamaged(t *testing.T) {
	for name, change := range map[string]string{
		"an entry":        "UPDATE ledger_chunk SET data = CAST(replace(CAST(data AS TEXT), '\"c\":\"', '\"c\":\"A') AS BLOB) WHERE first = 0",
		"an entry gone":   "DELETE FROM ledger_chunk WHERE first = 2",
		"the last gone":   "DELETE FROM ledger_chunk WHERE first = (SELECT max(first) FROM ledger_chunk)",
		"the root":        "UPDATE ledger_head SET root = zeroblob(32)",
		"the size":        "UPDATE ledger_head SET size = size - 1",
		"the edge":        "UPDATE ledger_head SET edge = X'00'",
		"two exchanged":   "UPDATE ledger_chunk SET data = (SELECT data FROM ledger_chunk c WHERE c.first = 2 - ledger_chunk.first) WHERE first IN (0, 2)",
		"bytes at an end": "UPDATE ledger_chunk SET data = CAST(data || X'0001' AS BLOB) WHERE first = 2",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := open(t, dir)
			for i := range 3 {
				h.record(t, fmt.Sprint(i), 2)
			}
			h.commit(t, func(tx *store.Tx) error {
				n, err := tx.Exec(ctx, change)
				if n == 0 {
					t.Error("nothing was changed: this test shows nothing")
				}
				return err
			})
			sure := h.Verify(ctx)
			if isHead := strings.HasPrefix(name, "the ") && name != "the last gone"; (sure == nil) != isHead {
				t.Error("Verify says", sure)
			}
			h.leave(t)
			h2, err := enter(dir)
			var damaged *ledger.DamagedError
			if !errors.As(err, &damaged) {
				t.Error("opened:", err)
			}
			if err == nil {
				h2.leave(t)
			}
		})
	}
}

// A tile that is not what its entries give is found by the full check.
func TestDamagedTile(t *testing.T) {
	h := open(t, t.TempDir())
	h.record(t, "eve", 300)
	if err := h.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	h.commit(t, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE ledger_tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB)")
		return err
	})
	var damaged *ledger.DamagedError
	if err := h.Verify(ctx); !errors.As(err, &damaged) {
		t.Error(err)
	}
	if _, err := receipt.CheckLog(h.fetch, receipt.LogOptions{}); err == nil {
		t.Error("the outside check found nothing")
	}
}

var kills = flag.Int("kills", 4, "how often to kill the worker in TestKilled")

// work commits for as long as it lives, and says on standard output what was
// acknowledged: index, record and receipt.
func work(dir string) {
	h, err := enter(dir)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for i := range 8 {
		go func() {
			for {
				var p *ledger.Pending
				var record avow.RecordID
				err := h.db.Commit(ctx, func(tx *store.Tx) error {
					s, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: fmt.Append(nil, i)})
					if err != nil {
						return err
					}
					record, err = h.vault.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now, Values: map[avow.Field]vault.Sealed{}})
					if err != nil {
						return err
					}
					p, err = h.Record(ctx, tx, s, collected)
					return err
				})
				out.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("done", p.Index(), record)
				}
				out.Unlock()
			}
		}()
	}
	select {}
}

// A worker is killed again and again in the middle of its commits. What was
// acknowledged is there, what is there has its entry, and nothing is there
// twice.
func TestKilled(t *testing.T) {
	t.Parallel() // it waits for another process
	dir := t.TempDir()
	acknowledged := map[int64]string{}
	for range *kills {
		worker := exec.Command(os.Args[0])
		worker.Env = append(os.Environ(), "AVOW_TEST_WORK="+dir)
		out, err := worker.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := worker.Start(); err != nil {
			t.Fatal(err)
		}
		// After some acknowledgements, with eight more under way.
		left := 10 + rand.IntN(20)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			words := strings.Fields(lines.Text())
			if len(words) != 3 || words[0] != "done" {
				if len(words) > 0 && words[0] == "error" {
					t.Error(lines.Text())
				}
				continue // cut off by the kill
			}
			index, err := strconv.ParseInt(words[1], 10, 64)
			if _, twice := acknowledged[index]; err != nil || twice {
				t.Fatal("two were told the same index, or none:", lines.Text())
			}
			acknowledged[index] = words[2]
			if left--; left == 0 {
				worker.Process.Kill()
			}
		}
		worker.Wait()

		h := open(t, dir)
		report := h.check(t, nil)
		var records, events int64
		var chained bool
		err = h.db.View(ctx, func(tx *store.Tx) error {
			for index, record := range acknowledged {
				id, err := avow.ParseRecordID(record)
				if err != nil || index >= report.Size {
					return fmt.Errorf("acknowledged entry %d of %d: %w", index, report.Size, err)
				}
				if _, err := h.vault.Get(ctx, tx, id); err != nil {
					return err
				}
			}
			return tx.Get(ctx, `SELECT (SELECT count(*) FROM vault_record), (SELECT count(*) FROM ledger_event),
				NOT EXISTS (SELECT 1 FROM ledger_event GROUP BY subject HAVING max(n) <> count(*) OR count(DISTINCT leaf) <> count(*))`,
				store.Into(&records, &events, &chained))
		})
		if err != nil {
			t.Fatal(err)
		}
		if records != report.Size || events != report.Size || !chained || int64(len(acknowledged)) > report.Size {
			t.Errorf("%d entries, %d records, %d payloads, %d acknowledged", report.Size, records, events, len(acknowledged))
		}
		h.leave(t)
	}
}
