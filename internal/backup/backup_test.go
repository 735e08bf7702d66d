package backup_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

// A house is store, vault and log, without the rest.
type house struct {
	t      testing.TB
	db     *store.DB
	keys   *seal.Keys
	vault  *vault.Vault
	ledger *ledger.Ledger
	spec   string
	cfg    store.Config
}

func (h *house) open(cfg store.Config) {
	h.t.Helper()
	h.cfg = cfg
	var err error
	must := func(err error) {
		h.t.Helper()
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.keys, err = seal.Open(h.spec, seal.Options{})
	if errors.Is(err, seal.ErrNone) {
		h.keys, err = seal.Create(h.spec, seal.Options{})
	}
	must(err)
	h.db, err = store.Open(h.t.Context(), cfg)
	must(err)
	h.vault, err = vault.Open(h.t.Context(), h.db, h.keys, vault.Options{})
	must(err)
	h.ledger, err = ledger.Open(h.t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: h.keys.LogKey(), Keys: h.keys,
		HighWater: filepath.Join(strings.TrimPrefix(h.spec, "file:"), "high-water")})
	must(err)
}

func (h *house) close() {
	h.t.Helper()
	if err := errors.Join(h.ledger.Close(), h.db.Close()); err != nil {
		h.t.Fatal(err)
	}
}

func start(t testing.TB) *house {
	dir := t.TempDir()
	h := &house{t: t, spec: "file:" + filepath.Join(dir, "keys")}
	h.open(store.Config{Path: filepath.Join(dir, "data")})
	return h
}

func by(email string) vault.By {
	return vault.By{Field: "email", Category: "user.contact.email", Value: []byte(email)}
}

// sound holds the rows to the state that is kept with them.
func (h *house) sound() {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		var kept []byte
		if err := tx.Get(h.t.Context(), "SELECT state FROM ledger_head ORDER BY log DESC LIMIT 1", &kept); err != nil {
			return err
		}
		state, ok := store.ParseState(kept)
		if !ok {
			h.t.Error("the state cannot be read")
		}
		found, err := h.vault.Scan(h.t.Context(), tx, true, nil)
		if err != nil {
			return err
		}
		for _, f := range found.Against(state) {
			h.t.Error(f)
		}
		events, err := h.ledger.Scan(h.t.Context(), tx)
		if err != nil {
			return err
		}
		if events[store.Events] != state[store.Events] {
			h.t.Error("the events are not those that the state sums up")
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// tombstone is what the log is told when somebody is erased.
func (h *house) tombstone(id avow.SubjectID) (t [32]byte) {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		who, err := h.vault.Find(h.t.Context(), tx, id)
		if err == nil {
			t = who.Tombstone()
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return t
}

// add puts entries into the log as they are.
func (h *house) add(entries [][]byte) {
	h.t.Helper()
	h.close()
	db, err := store.Open(h.t.Context(), h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	err = db.Commit(h.t.Context(), func(tx *store.Tx) error {
		_, err := ledger.Extend(h.t.Context(), tx, entries)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		h.t.Fatal(err)
	}
	h.open(h.cfg)
}

// collect keeps a record of somebody new.
func (h *house) collect(email string) (id avow.SubjectID) {
	h.t.Helper()
	err := h.db.Commit(h.t.Context(), func(tx *store.Tx) error {
		who, err := h.vault.Subject(h.t.Context(), tx, vault.By{Field: "email", Value: []byte(email)})
		if err != nil {
			return err
		}
		id = who.ID()
		rec, err := h.vault.Put(h.t.Context(), tx, who, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour),
			Values: map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(email))}})
		if err != nil {
			return err
		}
		_, err = h.ledger.Record(h.t.Context(), tx, who, ledger.Event{About: rec, Type: "collected", Clause: "contact", Statement: 1})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// collectMany keeps n people of whom there is nothing else.
func (h *house) collectMany(n int) {
	h.t.Helper()
	err := h.db.Commit(h.t.Context(), func(tx *store.Tx) error {
		for range n {
			if _, err := h.vault.NewSubject(h.t.Context(), tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) write() []byte {
	h.t.Helper()
	var out bytes.Buffer
	if _, err := backup.Write(h.t.Context(), h.db, &out, nil); err != nil {
		h.t.Fatal(err)
	}
	return out.Bytes()
}

// restore puts a backup into a new store, and says which.
func (h *house) restore(data []byte, o backup.Options) (*backup.Report, store.Config, error) {
	h.t.Helper()
	cfg := store.Config{Path: filepath.Join(h.t.TempDir(), "data")}
	db, err := store.Open(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	o.Keys = h.keys
	r, err := backup.Restore(h.t.Context(), db, bytes.NewReader(data), o)
	return r, cfg, err
}

func (h *house) emails(emails ...string) (found []string) {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		for _, e := range emails {
			who, err := h.vault.Lookup(h.t.Context(), tx, by(e))
			if errors.Is(err, store.ErrNone) {
				continue
			}
			if err != nil {
				return err
			}
			records, err := h.vault.Of(h.t.Context(), tx, who.ID())
			if err != nil {
				return err
			}
			for _, r := range records {
				c, err := h.vault.Get(h.t.Context(), tx, r.ID)
				if err != nil {
					return err
				}
				values, err := c.Open("email")
				if err != nil {
					return err
				}
				email := values["email"]
				found = append(found, string(email.Reveal()))
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

// What was written comes back, opens, and the log goes on, from each engine to
// each.
func TestRoundTrip(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, from store.Config) {
		h := &house{t: t, spec: "file:" + filepath.Join(t.TempDir(), "keys")}
		h.open(from)
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprintf("p%d@harbour.example", i))
			h.collect(all[i])
		}
		data := h.write()
		root := h.ledger.Status().Root
		h.close()
		storetest.Engines(t, func(t *testing.T, to store.Config) {
			h := &house{t: t, spec: copyKeys(t, h.spec)}
			report := h.restoreInto(to, data)
			if report.Erased+report.Lost != 0 || report.Rows["vault_record"] != 100 || report.LogSize != 100 {
				t.Fatalf("%+v", report)
			}
			h.open(to)
			defer h.close()
			if got := h.emails(all...); !slices.Equal(got, all) {
				t.Errorf("%d came back", len(got))
			}
			if h.ledger.Status().Root != root {
				t.Error("the log has another root")
			}
			if err := h.ledger.Verify(t.Context()); err != nil {
				t.Error(err)
			}
			h.sound()
			h.collect("new@harbour.example")
		})
	})
}

// restoreInto restores a backup into a store that is empty.
func (h *house) restoreInto(cfg store.Config, data []byte) *backup.Report {
	h.t.Helper()
	keys, err := seal.Open(h.spec, seal.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer keys.Close()
	db, err := store.Open(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	report, err := backup.Restore(h.t.Context(), db, bytes.NewReader(data), backup.Options{Keys: keys})
	if err := errors.Join(err, db.Close()); err != nil {
		h.t.Fatal(err)
	}
	return report
}

// copyKeys copies the folder of the keys, as it is now: each copy remembers
// apart how far the log was signed.
func copyKeys(t *testing.T, spec string) string {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.CopyFS(dir, os.DirFS(strings.TrimPrefix(spec, "file:"))); err != nil {
		t.Fatal(err)
	}
	return "file:" + dir
}

// Who was erased after the backup was made stays erased, whether the log or the
// journal knows; the log goes on from what was signed.
func TestErasedAgain(t *testing.T) {
	h := start(t)
	ada, eve := h.collect("ada@harbour.example"), h.collect("eve@harbour.example")
	h.collect("kim@harbour.example")
	if err := h.db.Commit(t.Context(), func(tx *store.Tx) error {
		return tx.Do(t.Context(), "INSERT INTO egress_given (recipient, subject, ref, digest, at) VALUES ('courier', $1, $2, $3, 1), ('courier', $1, $2, $2, 1)", ada[:], []byte("ref of ada 12345"), []byte{})
	}); err != nil {
		t.Fatal(err)
	}
	data := h.write()
	tombs := [][32]byte{h.tombstone(ada), h.tombstone(eve)}
	entries := [][]byte{receipt.Entry(tombs[0])}
	if err := h.db.Commit(t.Context(), func(tx *store.Tx) error { return h.vault.Erase(t.Context(), tx, ada) }); err != nil {
		t.Fatal(err)
	}
	h.add(entries)
	root := h.ledger.Status().Root
	h.close()

	if _, cfg, err := h.restore(data, backup.Options{Entries: entries, Root: [32]byte{1}}); err == nil {
		t.Error("a log that does not go on from the backup's was taken")
	} else {
		empty(t, cfg)
	}
	report, cfg, err := h.restore(data, backup.Options{Entries: entries, Root: root, Erased: map[[32]byte]bool{tombs[1]: true}})
	if err != nil || report.Erased != 2 || report.LogSize != 4 {
		t.Fatalf("%+v %v", report, err)
	}
	h.open(cfg)
	defer h.close()
	if got := h.emails("ada@harbour.example", "eve@harbour.example", "kim@harbour.example"); !slices.Equal(got, []string{"kim@harbour.example"}) {
		t.Errorf("there are %q", got)
	}
	if h.ledger.Status().Root != root {
		t.Error("the log does not go on from what was signed")
	}
	var ref, given int64
	err = h.db.View(t.Context(), func(tx *store.Tx) error {
		return cmp.Or(tx.Get(t.Context(), "SELECT COUNT(*) FROM egress_notice WHERE recipient = 'courier' AND what = 'erased' AND due > 0 AND done = 0", &ref),
			tx.Get(t.Context(), "SELECT COUNT(*) FROM egress_given", &given))
	})
	if err != nil || ref != 1 || given != 0 {
		t.Errorf("of who was erased again %d are told, and %d rows are left (%v)", ref, given, err)
	}
	h.sound()
	if err := h.ledger.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whose key epoch was destroyed is left out; if all were, nothing is restored.
func TestEpochDestroyed(t *testing.T) {
	h := start(t)
	h.collectMany(1500)
	old := h.write()
	// Stopped after the first thousand keys were wrapped anew.
	stopped, stop := context.WithCancel(t.Context())
	if _, err := h.vault.Rotate(stopped, nothing, func(int64, int64) { stop() }); err == nil {
		t.Fatal("a rotation that was stopped ends")
	}
	h.collect("eve@harbour.example")
	between := h.write()
	if _, err := h.vault.Rotate(t.Context(), nothing, nil); err != nil {
		t.Fatal(err)
	}
	h.close()
	if _, cfg, err := h.restore(old, backup.Options{}); err == nil {
		t.Error("a backup whose keys are all destroyed was taken")
	} else {
		empty(t, cfg)
	}
	report, cfg, err := h.restore(between, backup.Options{})
	if err != nil || report.Lost != 500 {
		t.Fatalf("%+v %v", report, err)
	}
	h.open(cfg)
	defer h.close()
	if got := h.emails("eve@harbour.example"); len(got) != 1 {
		t.Error("who came in the new epoch is not there")
	}
	h.sound()
}

func nothing(context.Context, *store.Tx, int64) error { return nil }

// A store with something in it is left alone, and keys of another house do not
// fit.
func TestRefused(t *testing.T) {
	h, other := start(t), start(t)
	h.collect("ada@harbour.example")
	data := h.write()
	if _, err := backup.Restore(t.Context(), h.db, bytes.NewReader(data), backup.Options{Keys: h.keys}); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("a store in use: %v", err)
	}
	other.keys, h.keys = h.keys, other.keys
	var wrong *vault.KeysError
	if _, cfg, err := h.restore(data, backup.Options{}); !errors.As(err, &wrong) {
		t.Errorf("foreign keys: %v", err)
	} else {
		empty(t, cfg)
	}
}

// empty checks that nothing was written.
func empty(t *testing.T, cfg store.Config) {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"vault_subject", "ledger_head", "ledger_chunk"} {
		err := db.View(t.Context(), func(tx *store.Tx) error {
			var n int
			if err := tx.Get(t.Context(), "SELECT count(*) FROM "+table, &n); err != nil || n > 0 {
				t.Errorf("%d rows of %s, %v", n, table, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A file that is damaged anywhere, or cut off, is refused and nothing written.
func TestDamaged(t *testing.T) {
	h := start(t)
	for i := range 20 {
		h.collect(fmt.Sprintf("p%d@harbour.example", i))
	}
	data := h.write()
	var bad *backup.DamagedError
	for i := 0; i < len(data); i += 1 + len(data)/400 {
		flipped := bytes.Clone(data)
		flipped[i] ^= 0x10
		// A few bits of gzip's mean nothing: the time in its head, and what fills
		// up the last byte of a block.
		if _, err := backup.Check(bytes.NewReader(flipped)); !errors.As(err, &bad) && !bytes.Equal(frames(flipped), frames(data)) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := backup.Check(bytes.NewReader(data[:i])); !errors.As(err, &bad) {
			t.Errorf("cut off at %d: %v", i, err)
		}
	}
	// A file that somebody has unpacked, changed and packed again.
	changed := frames(data)
	changed[len(changed)/2] ^= 1
	for name, bytes := range map[string][]byte{
		"packed":  backup.Zip(changed),
		"more":    append(bytes.Clone(data), 0),
		"nothing": nil,
		"foreign": []byte("PK\x03\x04 a zip file, which is something else"),
		"newer":   []byte("avow-backup/v9\nin a form of the future"),
	} {
		_, cfg, err := h.restore(bytes, backup.Options{})
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		empty(t, cfg)
	}
}

func frames(data []byte) []byte {
	zip, err := gzip.NewReader(bytes.NewReader(data[len("avow-backup/v1\n"):]))
	if err != nil {
		return nil
	}
	all, _ := io.ReadAll(zip)
	return all
}

// Every table of the schema is in the list, with all its columns in order.
func TestTables(t *testing.T) {
	schema, err := os.ReadFile("../store/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	got := backup.Tables()
	for _, m := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+) \(\n((?:\t.*\n)+)\)`).FindAllStringSubmatch(string(schema), -1) {
		if strings.HasPrefix(m[1], "store_") { // how the store works, and nothing that is kept
			continue
		}
		var columns []string
		for line := range strings.Lines(m[2]) {
			if name := strings.Fields(line)[0]; name == strings.ToLower(name) {
				columns = append(columns, name+" "+map[string]string{"INTEGER": "integer", "TEXT": "text", "BLOB": "bytes"}[strings.Fields(line)[1]])
			}
		}
		if !slices.Equal(got[m[1]], columns) {
			t.Errorf("%s has the columns %v, a backup takes %v", m[1], columns, got[m[1]])
		}
		delete(got, m[1])
	}
	if len(got) > 0 {
		t.Errorf("no longer in the schema: %v", got)
	}
}

func FuzzCheck(f *testing.F) {
	h := start(f)
	h.collect("ada@harbour.example")
	f.Add(h.write())
	f.Add([]byte("avow-backup/v1\n"))
	for _, frames := range [][]byte{nil, []byte("h\x00\x00\x00\x02{}"), []byte("h\x00\x00\x00\x02{}r\x00\x00\x00\x01\x00"), []byte("h\xff\xff\xff\xff")} {
		f.Add(backup.Zip(frames))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var bad *backup.DamagedError
		if _, err := backup.Check(bytes.NewReader(data)); err != nil && !errors.As(err, &bad) {
			t.Error(err)
		}
		// The frames themselves, which a changed byte of gzip's never reaches.
		if _, err := backup.Check(bytes.NewReader(backup.Zip(data))); err != nil && !errors.As(err, &bad) {
			t.Error(err)
		}
	})
}

// Keys that are older than the backup are refused: of whom they have no key yet
// it must not be said that theirs was destroyed, nor may they be left out.
func TestOlderKeys(t *testing.T) {
	h := start(t)
	h.collect("ada@harbour.example")
	copied := filepath.Join(t.TempDir(), "keys")
	if err := os.CopyFS(copied, os.DirFS(strings.TrimPrefix(h.spec, "file:"))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.vault.Renew(t.Context(), nothing, nil); err != nil {
		t.Fatal(err)
	}
	h.collect("eve@harbour.example")
	data := h.write()
	h.close()
	var err error
	if h.keys, err = seal.Open("file:"+copied, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	if report, cfg, err := h.restore(data, backup.Options{}); err == nil || !strings.Contains(err.Error(), "older than the backup") {
		t.Errorf("keys from before the backup: %+v %v", report, err)
	} else {
		empty(t, cfg)
	}
}
