package stops

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// TestCutOff: whoever stops letters in the moment in which the house falls over,
// after the journal has it and before the table, has stopped them.
func TestCutOff(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		ada, eve := h.of("ada@example.com"), h.of("eve@example.com")
		h.stop(eve, "news", Click)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Stop(ended, Stop{Digest: ada, Scope: All, How: Page}); err == nil || h.may(ada, "tips") != "" || !h.Failed() {
			t.Fatalf("it is answered %v, and letters are refused as %q", err, h.may(ada, "tips"))
		}
		h.stop(eve, "tips", Click)
		before := h.ledger.Status().Size
		h.must(h.open())
		if h.may(ada, "tips") != "stopped" || h.may(eve, "tips") != "stopped" {
			t.Errorf("after the start letters are refused as %q and %q", h.may(ada, "tips"), h.may(eve, "tips"))
		}
		if n := h.ledger.Status().Size - before; n != 1 {
			t.Errorf("%d entries say so", n)
		}
		h.whole()
		h.must(h.open())
		if n := h.ledger.Status().Size - before; n != 1 {
			t.Error("it is entered again at each start")
		}
	})
}

// TestLater: what could not be put into the table is put there when that can be.
func TestLater(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ada := h.of("ada@example.com")
	if _, err := h.Stop(ended, Stop{Digest: ada, Scope: All, How: Page}); err == nil {
		t.Fatal("it is stopped after the end")
	}
	h.stop(h.of("eve@example.com"), "tips", Click)
	h.must(h.Settle(t.Context()))
	if h.may(ada, "tips") != "stopped" || h.Failed() || len(h.journal.flying) > 0 {
		t.Errorf("letters are refused as %q", h.may(ada, "tips"))
	}
	for _, n := range h.backup().applied {
		if n != h.journal.size {
			t.Errorf("%d of %d bytes are said to be in the table", n, h.journal.size)
		}
	}
}

// TestLaterAgain: what could not be put into the table while that was done for
// another is not forgotten.
func TestLaterAgain(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ada, eve := h.of("ada@example.com"), h.of("eve@example.com")
	stop := func(digest [32]byte) {
		if _, err := h.Stop(ended, Stop{Digest: digest, Scope: All, How: Page}); err == nil {
			t.Error("it is stopped after the end")
		}
	}
	stop(ada)
	late := make(chan struct{})
	h.mu.Lock()
	h.tick = func() { // eve's comes after the journal was read for ada's
		go func() { stop(eve); close(late) }()
		<-late
	}
	h.mu.Unlock()
	h.must(h.Settle(t.Context()))
	if <-late; h.may(ada, "tips") != "stopped" || h.may(eve, "tips") == "" && !h.Failed() {
		t.Errorf("letters are refused as %q and %q, and nobody knows", h.may(ada, "tips"), h.may(eve, "tips"))
	}
	h.must(h.Settle(t.Context()))
	if h.may(eve, "tips") != "stopped" || h.Failed() || len(h.journal.flying) > 0 {
		t.Errorf("letters are refused as %q", h.may(eve, "tips"))
	}
}

// TestBackup: a backup that is put back revives nothing.
func TestBackup(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		ada, eve := h.of("ada@example.com"), h.of("eve@example.com")
		h.stop(eve, "tips", Click)
		h.must(h.begun(eve, "tips"))
		h.must(h.Settle(t.Context()))
		old := h.backup()
		h.stop(ada, "tips", Click)
		h.must(h.Settle(t.Context()))
		h.restore(old)
		if h.may(ada, "tips") != "stopped" || h.may(eve, "tips") != "" {
			t.Errorf("who stopped is refused as %q, who started again as %q", h.may(ada, "tips"), h.may(eve, "tips"))
		}
		h.whole()
		h.restore(copied{}) // older than everything
		if h.may(ada, "tips") != "stopped" || h.may(eve, "tips") != "stopped" {
			t.Error("an empty table is not filled from the journal")
		}
		h.whole()
	})
}

// TestProcesses: each process over one database has a journal of its own, and
// each that opens reads them all.
func TestProcesses(t *testing.T) {
	cfg := store.Config{URL: storetest.Postgres(t)}
	h := begin(t, cfg)
	other, err := Open(t.Context(), h.Deps)
	h.must(err)
	defer other.Close()
	h.stop([32]byte{1}, "tips", Click)
	_, err = other.Stop(t.Context(), Stop{Digest: [32]byte{2}, Scope: "tips", How: Click})
	h.must(err)
	if n := len(h.journals()); n != 2 {
		t.Fatalf("there are %d journals", n)
	}
	h.restore(copied{})
	if h.may([32]byte{1}, "tips") != "stopped" || h.may([32]byte{2}, "tips") != "stopped" {
		t.Error("a journal was not read")
	}
}

// TestTorn: a crash tears the end of a journal; nobody was told of that.
func TestTorn(t *testing.T) {
	for name, tear := range map[string]func([]byte) []byte{
		"in the middle of a line":  func(b []byte) []byte { return b[:len(b)-20] },
		"before the end of a line": func(b []byte) []byte { return b[:len(b)-1] },
		"with zeros":               func(b []byte) []byte { return append(b[:len(b)-20], make([]byte, 5000)...) },
		"zeros within a line":      func(b []byte) []byte { copy(b[len(b)-60:len(b)-30], make([]byte, 30)); return b },
		"whole":                    func(b []byte) []byte { return b },
	} {
		t.Run(name, func(t *testing.T) {
			h := begin(t, store.Config{Path: t.TempDir()})
			h.stop([32]byte{1}, "tips", Click)
			h.stop([32]byte{2}, "tips", Click)
			file := h.journals()[0]
			text, err := os.ReadFile(file)
			h.must(err)
			h.must(os.WriteFile(file, tear(text), 0o600))
			h.restore(copied{})
			if want := map[bool]string{true: "stopped"}[name == "whole"]; h.may([32]byte{1}, "tips") != "stopped" || h.may([32]byte{2}, "tips") != want {
				t.Errorf("letters are refused as %q and %q", h.may([32]byte{1}, "tips"), h.may([32]byte{2}, "tips"))
			}
			h.stop([32]byte{3}, "tips", Click) // what comes next is not torn by what was there
			h.restore(copied{})
			if h.may([32]byte{3}, "tips") != "stopped" || len(h.journals()) != 1 {
				t.Error("what was written after the tear is lost")
			}
		})
	}
	h := begin(t, store.Config{Path: t.TempDir()})
	h.must(os.WriteFile(filepath.Join(h.keys.Beside(), journalPrefix+"torn"), []byte("avow sto"), 0o600))
	h.must(h.open())
}

// TestDamaged: where somebody damaged a journal, the house says so and changes
// nothing.
func TestDamaged(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	for i := range 4 {
		h.stop([32]byte{byte(i)}, "tips", Click)
	}
	h.must(h.Settle(t.Context()))
	file := h.journals()[0]
	text, err := os.ReadFile(file)
	h.must(err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	wrong := func(n int, with byte) []byte {
		all := make([][]byte, len(lines))
		for i := range lines {
			if all[i] = bytes.Clone(lines[i]); i == n {
				all[i][20] = with
			}
		}
		return bytes.Join(all, nil)
	}
	was := h.backup()
	for name, c := range map[string]struct {
		text []byte
		line int
	}{
		"the first line":       {wrong(0, '!'), 1},
		"a line":               {wrong(2, '!'), 3},
		"the last line":        {wrong(4, '!'), 5},
		"zeros before a group": {wrong(1, 0), 2},
		"a line taken away":    {bytes.Join([][]byte{lines[0], lines[1], lines[3][1:], lines[4]}, nil), 3},
	} {
		h.must(os.WriteFile(file, c.text, 0o600))
		h.must(h.db.Commit(t.Context(), func(tx *store.Tx) error { return tx.Do(t.Context(), "DELETE FROM optout_journal") }))
		h.must(h.Close())
		_, err := Open(t.Context(), h.Deps)
		var damaged *JournalError
		if !errors.As(err, &damaged) || damaged.Line != c.line || damaged.File != file {
			t.Errorf("%s: it is answered %v", name, err)
		}
		if now := h.backup(); !cmp.Equal(now.words, was.words, cmp.AllowUnexported(word{})) {
			t.Errorf("%s: the table changed", name)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, c.text) {
			t.Errorf("%s: the file changed (%v)", name, err)
		}
		h.must(os.WriteFile(file, text, 0o600))
		h.must(func() (err error) { h.Book, err = Open(t.Context(), h.Deps); return err }())
	}
}

// TestOlderJournal: an older copy of the keys has an older journal. It is not
// written on, since the table believes to have what would be written there.
func TestOlderJournal(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.stop([32]byte{1}, "tips", Click)
	file := h.journals()[0]
	text, err := os.ReadFile(file)
	h.must(err)
	h.stop([32]byte{2}, "tips", Click)
	h.must(h.Settle(t.Context()))
	h.must(os.WriteFile(file, text, 0o600))
	h.must(h.open())
	kept := h.backup()
	h.stop([32]byte{3}, "tips", Click)
	if len(h.journals()) != 2 {
		t.Error("the older journal is written on")
	}
	h.restore(kept)
	for i := range 3 {
		if why := h.may([32]byte{byte(i + 1)}, "tips"); why != "stopped" {
			t.Errorf("letters to number %d are refused as %q", i+1, why)
		}
	}
}

// TestFull: a journal that cannot be written stops nothing, and says so; once it
// can, it goes on.
func TestFull(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.stop([32]byte{1}, "tips", Click)
	good := h.journal.file
	var err error
	h.journal.file, err = os.Open(good.Name()) // not to be written
	h.must(err)
	if _, err := h.Stop(t.Context(), Stop{Digest: [32]byte{2}, Scope: "tips", How: Click}); err == nil || h.may([32]byte{2}, "tips") != "" {
		t.Errorf("it is answered %v", err)
	}
	h.must(h.journal.file.Close())
	h.journal.file = good
	h.stop([32]byte{3}, "tips", Click)
	h.restore(copied{})
	if h.may([32]byte{1}, "tips") != "stopped" || h.may([32]byte{3}, "tips") != "stopped" {
		t.Error("what could be written is lost")
	}
}

func FuzzLine(f *testing.F) {
	l := line{[32]byte{1}, "news", Click, 5, 7}
	f.Add(bytes.TrimSpace(l.text(nil, 9)))
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, group, ok := parseLine(text)
		if ok && !bytes.Equal(l.text(nil, group), append(bytes.Clone(text), '\n')) {
			t.Errorf("%q is read as %v of group %d", text, l, group)
		}
	})
}

// TestLines: a line is read as it was written.
func TestLines(t *testing.T) {
	for _, l := range []line{{}, {[32]byte{255}, "*", Import, 1 << 50, 1}, {[32]byte{1}, avow.Purpose("a-long-purpose_with-words"), Page, -1, 0}} {
		text := l.text(nil, 77)
		if got, group, ok := parseLine(bytes.TrimSuffix(text, []byte("\n"))); !ok || got != l || group != 77 {
			t.Errorf("%v is read as %v of %d (%v)", l, got, group, ok)
		}
	}
}
