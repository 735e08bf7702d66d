//go:build linux

package faults_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/cli"
	"github.com/avow-privacy/avow/receipt"
)

// command runs an avow command in this process, and returns what it said.
func command(args ...string) (said string, status int) {
	var out bytes.Buffer
	status = cli.Main(args, cli.World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Clock: time.Now})
	return out.String(), status
}

// done is command for one that has to work.
func done(t *testing.T, args ...string) string {
	t.Helper()
	said, status := command(args...)
	if status != 0 {
		t.Fatalf("avow %s: %s", strings.Join(args, " "), said)
	}
	return said
}

// An old is a house that went on after it was copied: what was there when, and
// what people were told.
type old struct {
	copied     disk     // the data, as files
	backup     string   // the same, by avow backup
	keys       disk     // as they are now
	log        string   // a folder with the log as it was published last
	before     *account // told before the copy
	after      *account // told later
	staff      *staff
	kept, gone []order // gone since the copy
}

// age makes one.
func age(t *testing.T) *old {
	h, o := newHouse(t), &old{before: newAccount(), after: newAccount(), log: t.TempDir()}
	p := h.must(t)
	send := func(a *account, name string) {
		for i := range 20 {
			if err := a.send(http.DefaultClient, p.public, fmt.Sprintf("%d@load.example", i), fmt.Sprint(name, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(o.before, "before ")
	o.staff = beginStaff(t, 0, h.token(t), func(int) string { return p.private })
	for i := range 10 {
		made, err := o.staff.collect(0, fmt.Sprint("an-order-", i))
		if err != nil {
			t.Fatal(err)
		}
		o.kept = append(o.kept, made)
	}
	p.stop(t)
	root := filepath.Dir(h.keys)
	o.copied, o.backup = only(readDisk(t, root), "data"), filepath.Join(t.TempDir(), "backup")
	done(t, "backup", o.backup, "--data", h.data)
	p = h.must(t)
	send(o.after, "after ")
	o.gone, o.kept = o.kept[:5], o.kept[5:]
	for _, gone := range o.gone {
		if err := o.staff.erase(0, gone); err != nil {
			t.Fatal(err)
		}
	}
	saveLog(t, p, o.log)
	p.stop(t)
	o.keys = only(readDisk(t, root), "keys")
	return o
}

// only is what of a disk lies in one folder.
func only(d disk, folder string) disk {
	d = maps.Clone(d)
	maps.DeleteFunc(d, func(name string, _ []byte) bool { return !strings.HasPrefix(name, folder+"/") })
	return d
}

// in puts files where a house can be started.
func in(t *testing.T, d disk) *house {
	t.Helper()
	dir := d.write(t)
	h := &house{data: filepath.Join(dir, "data"), keys: filepath.Join(dir, "keys")}
	statement := newHouse(t).statement()
	if err := os.Rename(statement, h.statement()); err != nil {
		t.Fatal(err)
	}
	return h
}

// saveLog writes all parts of a log into a folder.
func saveLog(t *testing.T, p *process, dir string) {
	t.Helper()
	_, err := receipt.CheckLog(func(path string) ([]byte, error) {
		data, err := p.fetch(path)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, err
		}
		return data, os.WriteFile(file, data, 0o600)
	}, receipt.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// behind starts a house that must not start, because it is older than what was
// signed.
func (h *house) behind(t *testing.T) {
	t.Helper()
	p, err := h.start(t)
	if err == nil {
		p.kill()
		t.Fatal("a house goes on with a log that is behind what it signed")
	}
	if !strings.Contains(err.Error(), "were signed") {
		t.Error("it does not say that it is behind: ", err)
	}
}

// holdPeople holds a restored house to what it must know of people: all from
// before the copy, and nobody who was erased since.
func (o *old) holdPeople(t *testing.T, h *house, p *process) {
	t.Helper()
	records, err := readAll(p, h.token(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range o.before.compare(records) {
		t.Error(fault)
	}
	o.staff.target = func(int) string { return p.private }
	o.staff.hold(t, p, nil)
}

// A copy of the data folder is put back that is older than what was signed. The
// house does not start. It goes on in a new log, which names the old one and
// says why; the receipts of the old log hold as before. Who was erased since
// the copy does not come back.
func TestOldCopy(t *testing.T) {
	t.Parallel()
	o := age(t)
	both := maps.Clone(o.copied)
	maps.Copy(both, o.keys)
	h := in(t, both)
	h.behind(t)
	h.behind(t) // asking again does not help
	said := done(t, "ledger", "rotate", "--reason", "the disk failed", "--data", h.data, "--keys", h.spec())
	if !strings.Contains(said, "harbour.example/log/2") || !strings.Contains(said, "erased again 5") {
		t.Error("the rotation says: ", said)
	}
	p := h.must(t)
	p.volume = "2/"
	o.holdPeople(t, h, p)
	first := ""
	if err := eachEntry(p, 1, func(_ int64, entry []byte) { first = string(entry) }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first, `"k":"l"`) || !strings.Contains(first, "the disk failed") || !strings.Contains(first, "harbour.example/log") {
		t.Error("the first entry of the new log is ", first)
	}
	key, err := p.fetch("vkey")
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range o.after.taken {
		if _, err := receipt.Verify([]byte(got.receipt), receipt.Options{}); err != nil {
			t.Error("a receipt of the old log: ", err)
		}
		if _, err := receipt.Verify([]byte(got.receipt), receipt.Options{Key: strings.TrimSpace(string(key))}); err == nil {
			t.Error("a receipt of the old log holds under the key of the new one: the two cannot be told apart")
		}
	}
	a := newAccount()
	for i := range 5 {
		if err := a.send(http.DefaultClient, p.public, "eve@load.example", fmt.Sprint("in the new log ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.holdLog(p); err != nil {
		t.Error(err)
	}
}

// A backup is restored together with the log as it was published. The house
// goes on from there: its log contradicts nothing that anybody holds.
func TestOldBackup(t *testing.T) {
	t.Parallel()
	o := age(t)
	h := in(t, o.keys)
	done(t, "restore", o.backup, "--data", h.data, "--keys", h.spec())
	h.behind(t)
	if err := os.RemoveAll(h.data); err != nil {
		t.Fatal(err)
	}
	if said := done(t, "restore", o.backup, "--data", h.data, "--keys", h.spec(), "--log", o.log); !strings.Contains(said, "erased again 5") {
		t.Error("the restore says: ", said)
	}
	p := h.must(t)
	o.holdPeople(t, h, p)
	for _, a := range []*account{o.before, o.after} {
		if _, err := a.holdLog(p); err != nil {
			t.Error(err)
		}
	}
}
