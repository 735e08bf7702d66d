package cli

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

// makeLog makes DIR with the files of a log of N events, and DIR-receipt-0 and
// DIR-receipt-last beside it: log DIR N.
func makeLog(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ctx, dir := context.Background(), ts.MkAbs(args[0])
	house := filepath.Join(ts.Getenv("WORK"), ".house-"+args[0])
	keys, err := seal.Create("file:"+filepath.Join(house, "keys"), seal.Options{})
	ts.Check(err)
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(house, "data")})
	ts.Check(err)
	v, err := vault.Open(ctx, db, keys, vault.Options{})
	ts.Check(err)
	l, err := ledger.Open(ctx, db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(house, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return v.Find(ctx, tx, id)
		}})
	ts.Check(err)
	for i := range n {
		var p *ledger.Pending
		ts.Check(db.Commit(ctx, func(tx *store.Tx) error {
			who, err := v.NewSubject(ctx, tx)
			if err != nil {
				return err
			}
			p, err = l.Record(ctx, tx, who, ledger.Event{Type: "collected", Clause: "contact", Statement: 3, X: map[string]any{"collection": "contact"}})
			return err
		}))
		text, err := l.Receipt(ctx, p)
		ts.Check(err)
		for name, is := range map[string]bool{"receipt-0": i == 0, "receipt-last": i == n-1} {
			if is {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]+"-"+name), text, 0o600))
			}
		}
	}
	ts.Check(saveLog(l, dir))
	ts.Check(errors.Join(l.Close(), db.Close()))
}

// saveLog writes what the log serves into files.
func saveLog(l *ledger.Ledger, dir string) error {
	fetch := func(path string) ([]byte, error) {
		w := httptest.NewRecorder()
		l.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/"+path, nil))
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, err
		}
		return w.Body.Bytes(), os.WriteFile(name, w.Body.Bytes(), 0o600)
	}
	_, err := receipt.CheckLog(fetch, receipt.LogOptions{})
	return err
}

// serveFolder serves DIR and puts the address into $URL.
func serveFolder(ts *testscript.TestScript, _ bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(s.Close)
	ts.Setenv("URL", s.URL)
}

// flipBit changes the lowest bit of the middle byte of a file.
func flipBit(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// What a stranger put into a receipt does not steer the terminal.
func TestVerifyPrintsNoControls(t *testing.T) {
	var out bytes.Buffer
	v := verdict{OK: true, Receipt: &receiptVerdict{Event: receipt.Event{Type: "a\x1b[2Jb", Clause: "c\x1b", X: map[string]any{"k\x07": []any{"\u009b31m"}}}}}
	v.print(&out)
	if strings.ContainsAny(out.String(), "\x1b\x07\u009b") {
		t.Errorf("%q", out.String())
	}
}
