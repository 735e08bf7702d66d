package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3/driver"
	"go.uber.org/goleak"

	"github.com/avow-privacy/avow"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	if folder := os.Getenv("AVOW_TEST_HOLD"); folder != "" {
		hold(folder)
	}
	goleak.VerifyTestMain(m)
}

var ctx = context.Background()

func open(t testing.TB, folder string) *DB {
	t.Helper()
	db, err := Open(ctx, Config{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

const (
	tally = "INSERT INTO form_tally (form, outcome, n) VALUES ($1, $2, $3)"
	count = "SELECT count(*) FROM form_tally"
)

func rows(t testing.TB, db *DB) (n int) {
	t.Helper()
	if err := db.View(ctx, func(tx *Tx) error { return tx.Get(ctx, count, &n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

// The tables as SQLite has them, for people to read and for changes to show.
func TestSchema(t *testing.T) {
	db := open(t, t.TempDir())
	var text strings.Builder
	err := db.View(ctx, func(tx *Tx) error {
		return tx.Each(ctx, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name", func(scan func(...any) error) error {
			var sql string
			err := scan(&sql)
			text.WriteString(sql + ";\n\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.sql", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), text.String()); diff != "" {
		t.Errorf("schema.sql is not what the migrations make; run the test with -update\n%s", diff)
	}
}

// An erasure is one DELETE because every row about a subject refers to it.
func TestEverySubjectColumnFallsWithItsSubject(t *testing.T) {
	db := open(t, t.TempDir())
	var loose []string
	err := db.View(ctx, func(tx *Tx) error {
		return tx.Each(ctx, `
			SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c
			WHERE t.type = 'table' AND c.name = 'subject' AND NOT EXISTS (
				SELECT 1 FROM pragma_foreign_key_list(t.name) f
				WHERE f."from" = 'subject' AND f."table" = 'vault_subject' AND f.on_delete IN ('CASCADE', 'SET NULL'))`,
			func(scan func(...any) error) error {
				var name string
				err := scan(&name)
				loose = append(loose, name)
				return err
			})
	})
	if err != nil || loose != nil {
		t.Errorf("tables that keep a subject's rows after an erasure: %v, %v", loose, err)
	}
}

func TestPragmas(t *testing.T) {
	db := open(t, t.TempDir())
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "temp_store": "2",
	} {
		var got string
		if err := db.View(ctx, func(tx *Tx) error { return tx.Get(ctx, "PRAGMA "+pragma, &got) }); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s in a view, want %s", pragma, got, want)
		}
		if err := db.Commit(ctx, func(tx *Tx) error { return tx.Get(ctx, "PRAGMA "+pragma, &got) }); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s = %s in a commit, want %s", pragma, got, want)
		}
	}
}

func TestValuesComeBack(t *testing.T) {
	db := open(t, t.TempDir())
	id, rec := avow.NewSubjectID(time.Now()), avow.NewRecordID(time.Now())
	at := time.Date(2026, 11, 24, 8, 0, 0, 123_456_000, time.UTC)
	sum := sha256.Sum256([]byte("x"))
	err := db.Commit(ctx, func(tx *Tx) error {
		var gotID avow.SubjectID
		var gotRec avow.RecordID
		var gotAt time.Time
		var gotSum [32]byte
		var name avow.Collection
		var none []byte
		err := tx.Get(ctx, "SELECT $5, $4, $3, $2, $1, NULL", Into(&name, &gotSum, &gotAt, &gotRec, &gotID, &none), id, rec, at, sum, avow.Collection("contact"))
		if gotID != id || gotRec != rec || !gotAt.Equal(at) || gotSum != sum || name != "contact" || none != nil {
			t.Error("what was bound is not what was read", gotID, gotRec, gotAt, name, none)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(ctx, func(tx *Tx) error { return tx.Get(ctx, "SELECT $1", &id, []byte("short")) })
	if err == nil {
		t.Error("five bytes were read as an id of sixteen")
	}
}

func TestGetNone(t *testing.T) {
	db := open(t, t.TempDir())
	var n int
	err := db.View(ctx, func(tx *Tx) error { return tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1", &n, "none") })
	if !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestViewCannotWrite(t *testing.T) {
	db := open(t, t.TempDir())
	err := db.View(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, tally, "f", "o", 1)
		return err
	})
	if err == nil || rows(t, db) != 0 {
		t.Error("a view has written")
	}
}

// A view sees the rows as they were when it began to look.
func TestViewIsASnapshot(t *testing.T) {
	db := open(t, t.TempDir())
	err := db.View(ctx, func(tx *Tx) error {
		var before, after int
		if err := tx.Get(ctx, count, &before); err != nil {
			return err
		}
		err := db.Commit(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, tally, "f", "o", 1)
			return err
		})
		if err != nil {
			return err
		}
		if err := tx.Get(ctx, count, &after); err != nil || before != after {
			t.Errorf("%d rows became %d under a view: %v", before, after, err)
		}
		return nil
	})
	if err != nil || rows(t, db) != 1 {
		t.Error(err)
	}
}

func TestMisuseIsSaid(t *testing.T) {
	db := open(t, t.TempDir())
	var kept *Tx
	err := db.View(ctx, func(tx *Tx) error {
		kept = tx
		return tx.Each(ctx, "SELECT 1", func(func(...any) error) error {
			var n int
			return tx.Get(ctx, "SELECT 2", &n)
		})
	})
	if !errors.Is(err, errEach) {
		t.Error("a statement within Each:", err)
	}
	for what, misuse := range map[string]func(*Tx){"entry": func(tx *Tx) { tx.Log(1) }, "erasure": (*Tx).Erases} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("an %s in a view", what)
				}
			}()
			db.View(ctx, func(tx *Tx) error { misuse(tx); return nil })
		}()
	}
	if _, err := kept.Exec(ctx, tally, "f", "o", 1); !errors.Is(err, errOver) {
		t.Error("a transaction was used after its end:", err)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	clock := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	db, err := Open(ctx, Config{Path: t.TempDir(), Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	moment := func() (now time.Time) {
		if err := db.Commit(ctx, func(tx *Tx) error { now = tx.Now; return nil }); err != nil {
			t.Fatal(err)
		}
		return now
	}
	first := moment()
	clock = clock.Add(-time.Hour)
	if back := moment(); !back.Equal(first) {
		t.Errorf("after the clock was put back the moment is %v, before it was %v", back, first)
	}
	clock = clock.Add(2 * time.Hour)
	if on := moment(); !on.Equal(clock) {
		t.Errorf("the moment is %v at %v", on, clock)
	}
}

func TestClosed(t *testing.T) {
	db := open(t, t.TempDir())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(*Tx) error { t.Error("ran after Close"); return nil }
	if err := db.Commit(ctx, nothing); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := db.View(ctx, nothing); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func hold(folder string) {
	_, err := Open(ctx, Config{Path: folder})
	fmt.Println(err)
	time.Sleep(time.Minute)
}

func TestFolderInUse(t *testing.T) {
	folder := t.TempDir()
	db := open(t, folder)
	var inUse *InUseError
	if _, err := Open(ctx, Config{Path: folder}); !errors.As(err, &inUse) {
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
	if _, err := Open(ctx, Config{Path: folder}); !errors.As(err, &inUse) || inUse.By != fmt.Sprint(other.Process.Pid) {
		t.Error("opened while another process has it:", err)
	}
	other.Process.Kill()
	other.Wait()
	open(t, folder) // a process that was killed holds nothing
}

// filled makes a database of some pages. With a tail it leaves a write-ahead log
// behind as a crash would.
func filled(t *testing.T, tail bool) (folder string) {
	t.Helper()
	from, folder := t.TempDir(), t.TempDir()
	db := open(t, from)
	for i := range 50 {
		err := db.Commit(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, tally, fmt.Sprint("form ", i), strings.Repeat("x", 3000), i)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == 25 || i == 49 && !tail {
			db.settleFor(t)
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

// settleFor moves the write-ahead log into the database, as an erasure does.
func (db *DB) settleFor(t *testing.T) {
	if err := db.Commit(ctx, func(tx *Tx) error { tx.Erases(); return nil }); err != nil {
		t.Fatal(err)
	}
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
	db := open(t, sound)
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
			db, err := Open(ctx, Config{Path: folder})
			if err == nil {
				db.Close()
				t.Fatal("a damaged database was opened")
			}
			var damaged *DamagedError
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
		"newer":   {"UPDATE " + versionTable + " SET version_id = 99999 WHERE version_id = (SELECT max(version_id) FROM " + versionTable + ")", "newer avow"},
		"foreign": {"DROP TABLE " + versionTable, "not made by avow"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			db, err := Open(ctx, Config{Path: folder})
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			alter(t, folder, c.sql)
			before := digest(t, folder)
			if _, err := Open(ctx, Config{Path: folder}); err == nil || !strings.Contains(err.Error(), c.says) {
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
	engine, err := driver.Open(dsn(filepath.Join(folder, databaseFile)))
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
	db := open(t, folder)
	if rows(t, db) != 0 {
		t.Fatal("not empty")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 4 {
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
		db := open(t, filepath.Join(t.TempDir(), name, "deep"))
		if rows(t, db) != 0 {
			t.Error(name)
		}
	}
}
