//go:build linux

package faults_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"

	"github.com/avow-privacy/avow/internal/cli"
)

// Statements that somebody with a database client might run. %s is a condition
// that takes two rows at random, or one.
var (
	swaps = []string{
		swap("vault_record", "sealed"), swap("vault_record", "subject"), swap("vault_record", "collection"), swap("vault_record", "expires"),
		swap("vault_record", "version"), swap("vault_record", "collected"), swap("vault_subject", "wrapped"), swap("vault_index", "subject"),
		swap("ledger_event", "sealed"), swap("ledger_event", "leaf"), swap("ledger_chunk", "data"), swap("ledger_tile", "hashes"),
	}
	changes = []string{
		"UPDATE vault_record SET expires = expires + 1 WHERE " + one("vault_record"),
		"UPDATE vault_record SET expires = expires + 86400000000 * 365 WHERE " + one("vault_record"),
		"UPDATE vault_record SET collected = collected - 1 WHERE " + one("vault_record"),
		"UPDATE vault_record SET version = version + 1 WHERE " + one("vault_record"),
		"UPDATE vault_record SET collection = 'survey' WHERE " + one("vault_record"),
		"UPDATE vault_record SET sealed = zeroblob(length(sealed)) WHERE " + one("vault_record"),
		"UPDATE vault_subject SET wrapped = zeroblob(length(wrapped)) WHERE " + one("vault_subject"),
		"UPDATE vault_subject SET epoch = 2 WHERE " + one("vault_subject"),
		"UPDATE vault_index SET digest = randomblob(16) WHERE " + one("vault_index"),
		"UPDATE ledger_event SET leaf = leaf + 1 WHERE " + one("ledger_event"),
		"UPDATE ledger_event SET version = 7 WHERE " + one("ledger_event"),
		"UPDATE ledger_event SET about = randomblob(16) WHERE " + one("ledger_event"),
		"UPDATE ledger_head SET state = randomblob(32)",
		"UPDATE ledger_head SET size = size - 1",
		"UPDATE optout_word SET stopped = 1 WHERE " + one("optout_word"),
		"UPDATE optout_word SET scope = 'other' WHERE " + one("optout_word"),
		"UPDATE statement_version SET source = CAST('other' AS BLOB)",
		"UPDATE statement_version SET updated = '2020-01-01'",
		"UPDATE statement_version SET leaf = 2",
	}
	deletions = []string{
		"DELETE FROM vault_record WHERE " + one("vault_record"),
		"DELETE FROM vault_subject WHERE " + one("vault_subject"),
		"DELETE FROM vault_index WHERE " + one("vault_index"),
		"DELETE FROM ledger_event WHERE " + one("ledger_event"),
		"DELETE FROM ledger_chunk WHERE " + one("ledger_chunk"),
		"DELETE FROM ledger_tile WHERE " + one("ledger_tile"),
		"DELETE FROM optout_word WHERE " + one("optout_word"),
		"DELETE FROM ledger_head",
		"DELETE FROM statement_version",
		"DELETE FROM vault_epoch",
	}
	inventions = []string{
		"INSERT INTO vault_record (id, subject, collection, version, collected, expires, sealed) SELECT randomblob(16), subject, collection, version, collected, expires, sealed FROM vault_record WHERE " + one("vault_record"),
		"INSERT INTO vault_subject (id, epoch, wrapped) SELECT randomblob(16), epoch, wrapped FROM vault_subject WHERE " + one("vault_subject"),
		"INSERT INTO vault_index (digest, subject) SELECT randomblob(16), subject FROM vault_index WHERE " + one("vault_index"),
		"INSERT INTO ledger_event (subject, about, n, log, leaf, pos, version, sealed) SELECT subject, about, n + 1, log, leaf, pos, version, sealed FROM ledger_event WHERE " + one("ledger_event"),
		"INSERT INTO optout_word (digest, scope, stopped, started, reason) SELECT randomblob(32), scope, stopped, started, reason FROM optout_word WHERE " + one("optout_word"),
		"INSERT INTO ledger_chunk (log, first, data) SELECT log, first + 100000, data FROM ledger_chunk WHERE " + one("ledger_chunk"),
	}
)

// keys are the columns that name a row.
var keys = map[string]string{"vault_record": "id", "vault_subject": "id", "vault_index": "digest", "optout_word": "digest", "ledger_event": "about", "ledger_chunk": "first", "ledger_tile": "n"}

// one is the condition that takes one row at random.
func one(table string) string {
	return fmt.Sprintf("%s = (SELECT %[1]s FROM %s ORDER BY random() LIMIT 1)", keys[table], table)
}

// swap exchanges what two rows have in a column. SQLite has no variables, so a
// table of the connection's own holds the two.
func swap(table, column string) string {
	key := keys[table]
	return fmt.Sprintf(`
		CREATE TEMP TABLE two AS SELECT %[1]s AS k, %[2]s AS v FROM %[3]s ORDER BY random() LIMIT 2;
		UPDATE %[3]s SET %[2]s = (SELECT v FROM two WHERE k <> %[3]s.%[1]s) WHERE %[1]s IN (SELECT k FROM two) AND (SELECT count(*) FROM two) = 2`, key, column, table)
}

// onRows makes a fault of one of the statements. SQLite's own randomness cannot
// be sown: which rows are hit differs from run to run.
func onRows(statements []string) func(scene, *rand.Rand) disk {
	return func(s scene, r *rand.Rand) disk {
		dir, err := os.MkdirTemp("", "avow-rows-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "avow.db")
		err = errors.Join(os.WriteFile(file, s.now[mainFile], 0o600), os.WriteFile(file+"-wal", s.now[walFile], 0o600))
		if err == nil {
			err = run(file, statements[r.IntN(len(statements))])
		}
		after, readErr := os.ReadFile(file)
		if err = errors.Join(err, readErr); err != nil {
			panic(err)
		}
		return with(with(s.now, mainFile, after), walFile, nil)
	}
}

// run runs statements on a database as they stand, and leaves all in its file.
func run(file, statements string) error {
	db, err := driver.Open("file:" + file)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, text := range []string{"PRAGMA foreign_keys = OFF", statements, "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.Exec(text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// fullCheck is avow ledger check, and says what that found.
func fullCheck(dir string) error {
	var out bytes.Buffer
	status := cli.Main([]string{"ledger", "check", "--data", filepath.Join(dir, "data"), "--keys", "file:" + filepath.Join(dir, "keys")},
		cli.World{Stdout: &out, Stderr: &out, Clock: time.Now})
	if status != 0 {
		return errors.New(strings.TrimSpace(out.String()))
	}
	return nil
}

// counters are tables of numbers that are shown and that nothing depends on:
// how many forms were accepted or refused, how often a version was shown. They
// are in no state root. What optout_journal counts, a start counts anew.
var counters = []string{"form_tally", "read_tally", "notice_served", "optout_tally", "mail_tally", "mailbox_tally", "optout_journal"}

// compareRows says how the rows in one folder differ from those in another, or
// what an index finds other than its table does; and whether it is only counts
// that differ.
func compareRows(t *testing.T, before, after string) (differ string, counts bool) {
	one, err := digest(before)
	if err != nil {
		t.Fatal(err)
	}
	other, err := digest(after)
	if err != nil {
		return err.Error(), false
	}
	for table, sum := range one {
		if other[table] == sum {
			continue
		}
		if !slices.Contains(counters, table) {
			return "the rows of " + table + " differ", false
		}
		differ, counts = "the counts of "+table+" differ", true
	}
	return differ, counts
}

// digest sums up the rows of each table.
func digest(dir string) (map[string]string, error) {
	db, err := driver.Open("file:" + filepath.Join(dir, mainFile))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return nil, err
	}
	if verdict != "ok" {
		return nil, fmt.Errorf("SQLite says: %s", verdict)
	}
	tables, err := column(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		return nil, err
	}
	schema, err := column(db, "SELECT coalesce(sql, '') FROM sqlite_schema")
	if err != nil {
		return nil, err
	}
	sums := map[string]string{"sqlite_schema": fmt.Sprint(schema)}
	for _, table := range tables {
		if sums[table], err = sumUp(db, table); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

func column(db *sql.DB, query string) (all []string, err error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func sumUp(db *sql.DB, table string) (string, error) {
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var lines []string
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("%q", values))
	}
	slices.Sort(lines)
	sum := sha256.Sum256(fmt.Append(nil, lines))
	return hex.EncodeToString(sum[:]), rows.Err()
}
