package store_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// What holds for a data folder of SQLite alone.

const databaseFile = "avow.db"

func TestPragmas(t *testing.T) {
	db := open(t, at(t.TempDir()))
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "temp_store": "2",
	} {
		var got string
		if err := db.View(ctx, func(tx *store.Tx) error {
			return tx.Get(ctx, "SELECT CAST("+pragma+" AS TEXT) FROM pragma_"+pragma, &got)
		}); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s in a view, want %s", pragma, got, want)
		}
		if err := db.Commit(ctx, func(tx *store.Tx) error {
			return tx.Get(ctx, "SELECT CAST("+pragma+" AS TEXT) FROM pragma_"+pragma, &got)
		}); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s in a commit, want %s", pragma, got, want)
		}
	}
}

func hold(folder string) {
	_, err := store.Open(ctx, store.Config{Path: folder})
	fmt.Println(err)
	time.Sleep(time.Minute)
}

func TestFolderInUse(t *testing.T) {
	folder := t.TempDir()
	db := open(t, at(folder))
	var inUse *store.InUseError
	if _, err := store.Open(ctx, store.Config{Path: folder}); !errors.As(err, &inUse) {
		t.Fatal("opened twice in one process:", err)
	}
	if inUse.By != fmt.Sprint(os.Getpid()) || !strings.Contains(inUse.Error(), "--data") {
		t.Error(inUse)
	}
	db.Close()

	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "AVOW_TEST_HOLD="+folder)
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := out.Read(line); err != nil || string(line) != "<nil>\n" {
		t.Fatal("the other process could not open the folder:", string(line), err)
	}
	if _, err := store.Open(ctx, store.Config{Path: folder}); !errors.As(err, &inUse) || inUse.By != fmt.Sprint(other.Process.Pid) {
		t.Error("opened while another process has it:", err)
	}
	other.Process.Kill()
	other.Wait()
	open(t, at(folder)) // a process that was killed holds nothing
}

// filled makes a database of some pages. With a tail it leaves a write-ahead log
// behind as a crash would.
func filled(t *testing.T, tail bool) (folder string) {
	t.Helper()
	from, folder := t.TempDir(), t.TempDir()
	db := open(t, at(from))
	for i := range 50 {
		err := db.Commit(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, tally, fmt.Sprint("form ", i), strings.Repeat("x", 3000), i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 25 || i == 49 && !tail {
			settle(t, db)
		}
	}
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func digest(t *testing.T, folder string) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		sums[name] = sha256.Sum256(data)
	}
	return sums
}

func TestDamageIsSaidAndLeftAlone(t *testing.T) {
	sound := filled(t, true)
	db := open(t, at(sound))
	if n := rows(t, db); n != 50 {
		t.Fatalf("%d rows of 50 in the undamaged copy", n)
	}
	overwrite := func(at int, with string) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], with); return b }
	}
	for name, damage := range map[string]func([]byte) []byte{
		"not a database":  func([]byte) []byte { return []byte("hello, this is no database at all") },
		"header":          overwrite(0, "rubbish"),
		"page type":       overwrite(4096*5, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		"page in middle":  overwrite(4096*30, strings.Repeat("\xa5", 600)),
		"tail: a page":    overwrite(4096*5, strings.Repeat("\xa5", 600)),
		"tail: emptied":   func(b []byte) []byte { return nil },
		"cut in the half": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
	} {
		t.Run(name, func(t *testing.T) {
			folder := filled(t, strings.HasPrefix(name, "tail:"))
			file := filepath.Join(folder, databaseFile)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(bytes.Clone(data)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := digest(t, folder)
			db, err := store.Open(ctx, store.Config{Path: folder})
			if err == nil {
				db.Close()
				t.Fatal("a damaged database was opened")
			}
			var damaged *store.DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "Nothing was changed") {
				t.Error(err)
			}
			if diff := cmp.Diff(before, digest(t, folder)); diff != "" {
				t.Error("the files were changed:", diff)
			}
		})
	}
}

func TestStrangeDatabases(t *testing.T) {
	for name, c := range map[string]struct{ sql, says string }{
		"newer":   {"UPDATE " + store.VersionTable + " SET version_id = 99999 WHERE version_id = (SELECT max(version_id) FROM " + store.VersionTable + ")", "newer avow"},
		"foreign": {"DROP TABLE " + store.VersionTable, "not made by avow"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			db, err := store.Open(ctx, store.Config{Path: folder})
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			alter(t, folder, c.sql)
			before := digest(t, folder)
			if _, err := store.Open(ctx, store.Config{Path: folder}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
			if diff := cmp.Diff(before, digest(t, folder)); diff != "" {
				t.Error("the files were changed:", diff)
			}
		})
	}
}

func alter(t *testing.T, folder, statement string) {
	t.Helper()
	var engine *sql.DB
	engine, err := driver.Open("file:" + filepath.Join(folder, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if _, err := engine.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreOurs(t *testing.T) {
	folder := t.TempDir()
	db := open(t, at(folder))
	if rows(t, db) != 0 {
		t.Fatal("not empty")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 5 {
		t.Error(entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(e.Name(), "can be read by others:", info.Mode(), err)
		}
	}
}

// Whatever the folder is called.
func TestOddFolderNames(t *testing.T) {
	for _, name := range []string{"with space", "100%", "a?b#c", "käse"} {
		db := open(t, at(filepath.Join(t.TempDir(), name, "deep")))
		if rows(t, db) != 0 {
			t.Error(name)
		}
	}
}

// settle moves the write-ahead log into the database, as an erasure does.
func settle(t *testing.T, db *store.DB) {
	if err := db.Commit(ctx, func(tx *store.Tx) error { tx.Erases(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// An erasure that a reader was in the way of is made good once it has gone.
func TestErasureWaitsForReaders(t *testing.T) {
	folder := t.TempDir()
	db := open(t, at(folder))
	tail := func() int64 {
		info, err := os.Stat(filepath.Join(folder, databaseFile+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	err := db.View(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.Get(ctx, count, &n); err != nil {
			return err
		}
		return db.Commit(ctx, func(tx *store.Tx) error {
			tx.Erases()
			return add("f", "o")(tx)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if tail() == 0 {
		t.Error("the reader was not in the way: this test shows nothing")
	}
	for range 100 {
		if tail() == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the write-ahead log was never emptied")
}

func BenchmarkCommit(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		db := open(b, cfg)
		var serial atomic.Int64
		b.SetParallelism(32) // times two cores: 64 goroutines
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := db.Commit(ctx, add("f", fmt.Sprint(serial.Add(1)))); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkPointRead(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		db := open(b, cfg)
		if err := db.Commit(ctx, add("f", "o")); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			err := db.View(ctx, func(tx *store.Tx) error {
				var n int
				return tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1 AND outcome = $2", &n, "f", "o")
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A bit that has turned over anywhere in the file is noticed before anything is
// done with it.
func TestFlippedBits(t *testing.T) {
	sound := filled(t, false)
	data, err := os.ReadFile(filepath.Join(sound, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	unseen := 0
	for range *flips {
		folder := t.TempDir()
		at, bit := rand.IntN(len(data)), rand.IntN(8)
		bad := bytes.Clone(data)
		bad[at] ^= 1 << bit
		if err := os.WriteFile(filepath.Join(folder, databaseFile), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(ctx, store.Config{Path: folder})
		if err == nil {
			db.Close()
			unseen++
			t.Logf("bit %d of byte %d of page %d", bit, at%4096, at/4096+1)
		}
	}
	if unseen > 0 {
		t.Errorf("%d of %d flipped bits were not seen", unseen, *flips)
	}
}

var flips = flag.Int("flips", 60, "how many bits TestFlippedBits turns over")

// Somebody writes to the file with another program while it is open. We may
// refuse what comes of it, but end in good order.
func TestWrittenByOthers(t *testing.T) {
	folder := t.TempDir()
	db, err := store.Open(ctx, at(folder))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Commit(ctx, add("f", "ours")); err != nil {
		t.Fatal(err)
	}
	alter(t, folder, "INSERT INTO form_tally (form, outcome, n) VALUES ('f', 'theirs', 1)")
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if n := rows(t, open(t, at(folder))); n != 2 {
		t.Errorf("%d rows", n)
	}
}
