package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A testLog is a log that a witness watches.
type testLog struct {
	t      testing.TB
	signer note.Signer
	key    string
	hashes hashes
	size   int64
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) (found []tlog.Hash, err error) {
	for _, i := range indexes {
		found = append(found, h[i])
	}
	return found, nil
}

func private(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func newLog(t testing.TB, name string) *testLog {
	t.Helper()
	key, err := note.NewEd25519VerifierKey(name, private(name).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + strings.Split(key, "+")[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private(name).Seed()...)))
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{t: t, signer: signer, key: key}
}

func (l *testLog) grow(n int64, what string) *testLog {
	for range n {
		more, err := tlog.StoredHashes(l.size, fmt.Append(nil, what, l.size), l.hashes)
		if err != nil {
			l.t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
		l.size++
	}
	return l
}

func (l *testLog) checkpoint(size int64) []byte {
	root, err := tlog.TreeHash(size, l.hashes)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: receipt.Checkpoint{Origin: l.signer.Name(), Size: size, Root: root}.Text()}, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *testLog) request(old, size int64) []byte {
	b := fmt.Appendf(nil, "old %d\n", old)
	if old > 0 && old < size {
		proof, err := tlog.ProveTree(size, old, l.hashes)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, h := range proof {
			b = append(b, h.String()+"\n"...)
		}
	}
	return append(append(b, '\n'), l.checkpoint(size)...)
}

var moment = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func open(t testing.TB, folder string, logs ...string) *Witness {
	t.Helper()
	w, err := Open(Config{folder, "witness.example/w", private("w"), logs, func() time.Time { return moment }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func post(t testing.TB, server *httptest.Server, body []byte) (status int, kind, answer string) {
	t.Helper()
	resp, err := http.Post(server.URL+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(data)
}

// It cosigns what goes on from what it saw, and remembers across a restart.
func TestCosigns(t *testing.T) {
	l, folder := newLog(t, "harbour.example/log").grow(300, ""), t.TempDir()
	old := int64(0)
	for _, size := range []int64{0, 1, 2, 2, 7, 8, 255, 256, 257, 300, 300} {
		w := open(t, folder, l.key)
		server := httptest.NewServer(w.Handler())
		status, _, answer := post(t, server, l.request(old, size))
		server.Close()
		if status != 200 {
			t.Fatalf("%d to %d: %d %s", old, size, status, answer)
		}
		signed := append(l.checkpoint(size), answer...)
		head, by, err := receipt.OpenCosigned(signed, l.key, []string{w.Key()}, 1)
		if err != nil || head.Size != size || len(by) != 1 || !by[0].At.Equal(moment) || by[0].Name != "witness.example/w" {
			t.Fatalf("%+v %v\n%s", by, err, answer)
		}
		if w.Seen()["harbour.example/log"] != size {
			t.Error(w.Seen())
		}
		old = size
	}
}

func TestRefuses(t *testing.T) {
	l, other := newLog(t, "harbour.example/log").grow(20, ""), newLog(t, "elsewhere.example/log").grow(20, "")
	fork := newLog(t, "harbour.example/log").grow(5, "").grow(15, "other")
	impostor := newLog(t, "harbour.example/log").grow(20, "")
	impostor.signer = other.signer
	w := open(t, t.TempDir(), l.key)
	server := httptest.NewServer(w.Handler())
	defer server.Close()
	if status, _, answer := post(t, server, l.request(0, 10)); status != 200 {
		t.Fatal(status, answer)
	}
	good := string(l.request(10, 20))
	line := func(n int, with string) []byte {
		lines := strings.SplitAfter(good, "\n")
		lines[n] = with
		return []byte(strings.Join(lines, ""))
	}
	empty := append([]byte("old 10\n\n"), l.checkpoint(20)...)
	for name, c := range map[string]struct {
		body   []byte
		status int
	}{
		"stale old size":        {l.request(9, 20), 409},
		"old size never seen":   {l.request(11, 20), 409},
		"old size zero":         {l.request(0, 20), 409},
		"shrunk":                {l.request(0, 5), 409},
		"old beyond checkpoint": {[]byte(strings.Replace(string(l.request(0, 5)), "old 0", "old 10", 1)), 400},
		"forked":                {fork.request(10, 20), 422},
		"forked, same size":     {fork.request(10, 10), 409},
		"no proof":              {empty, 422},
		"proof for same size":   {[]byte(strings.Replace(string(l.request(10, 10)), "old 10\n", "old 10\n"+strings.Repeat("A", 43)+"=\n", 1)), 422},
		"unknown origin":        {other.request(0, 10), 404},
		"another's signature":   {[]byte(strings.Replace(good, "— harbour.example/log ", "— elsewhere.example/log ", 1)), 403},
		"no signature":          {[]byte(good[:strings.LastIndex(good, "—")]), 403},
		"damaged signature":     {[]byte(strings.Replace(good, "harbour.example/log\n20", "harbour.example/log\n19", 1)), 403},
		"nothing":               {nil, 400},
		"leading zero":          {line(0, "old 010\n"), 400},
		"negative":              {line(0, "old -1\n"), 400},
		"no old":                {line(0, "10\n"), 400},
		"hash with a space":     {line(1, " AAAA\n"), 400},
		"64 hashes":             {line(1, strings.Repeat(strings.Repeat("A", 43)+"=\n", 64)), 400},
		"too long":              {append([]byte(good), bytes.Repeat([]byte("x"), maxRequest)...), 400},
		"CR LF":                 {[]byte(strings.ReplaceAll(good, "\n", "\r\n")), 400},
	} {
		status, kind, answer := post(t, server, c.body)
		if status != c.status {
			t.Errorf("%s: %d %s, want %d", name, status, answer, c.status)
		}
		if status == 409 && (kind != "text/x.tlog.size" || answer != "10\n") {
			t.Errorf("%s: %q as %s", name, answer, kind)
		}
	}
	// None of that moved it, and lines of others do no harm.
	body := append([]byte(good), "— somebody.example AAAAAAAAAAAA\n"...)
	if status, _, answer := post(t, server, body); status != 200 {
		t.Error(status, answer)
	}
	for method, want := range map[string]int{"GET": 405, "PUT": 405} {
		req, _ := http.NewRequest(method, server.URL+"/add-checkpoint", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != want {
			t.Error(method, resp, err)
		}
		resp.Body.Close()
	}
	if got, err := http.Get(server.URL + "/vkey"); err != nil || got.StatusCode != 200 {
		t.Error(got, err)
	}
}

// Of many who ask at once about two histories, only one kind is answered.
func TestAtOnce(t *testing.T) {
	l, fork := newLog(t, "harbour.example/log").grow(20, "a"), newLog(t, "harbour.example/log").grow(20, "b")
	w := open(t, t.TempDir(), l.key)
	var wg sync.WaitGroup
	var mu sync.Mutex
	signed := map[*testLog]int{}
	for i := range 40 {
		for _, log := range []*testLog{l, fork} {
			wg.Go(func() {
				if _, err := w.Cosign(log.request(0, int64(1+i%20))); err == nil {
					mu.Lock()
					defer mu.Unlock()
					signed[log]++
				}
			})
		}
	}
	wg.Wait()
	if signed[l]+signed[fork] != 1 {
		t.Error("cosigned", signed)
	}
}

// What cannot be remembered is not signed.
func TestCannotRemember(t *testing.T) {
	l, folder := newLog(t, "harbour.example/log").grow(5, ""), t.TempDir()
	w := open(t, folder, l.key)
	if err := os.Mkdir(w.logs["harbour.example/log"].file+".new", 0o700); err != nil {
		t.Fatal(err)
	}
	line, err := w.Cosign(l.request(0, 5))
	var no *refusal
	if err == nil || errors.As(err, &no) || w.Seen()["harbour.example/log"] != 0 {
		t.Error(line, err)
	}
	r := httptest.NewRequest("POST", "/add-checkpoint", bytes.NewReader(l.request(0, 5)))
	rw := httptest.NewRecorder()
	w.Handler().ServeHTTP(rw, r)
	if rw.Code != 500 {
		t.Error(rw.Code)
	}
}

func TestOpenRefuses(t *testing.T) {
	l, folder := newLog(t, "harbour.example/log").grow(5, ""), t.TempDir()
	for name, c := range map[string]Config{
		"no name":     {folder, "", private("w"), nil, nil},
		"spaces":      {folder, "a b", private("w"), nil, nil},
		"no key":      {folder, "a", private("w"), []string{"rubbish"}, nil},
		"a key twice": {folder, "a", private("w"), []string{l.key, l.key}, nil},
	} {
		if _, err := Open(c); err == nil {
			t.Error(name)
		}
	}
	w := open(t, folder, l.key)
	if _, err := w.Cosign(l.request(0, 5)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(folder, "*.checkpoint"))
	if err := os.WriteFile(files[0], []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(w.cfg); err == nil {
		t.Error("opened with rubbish for a memory")
	}
}

func FuzzCosign(f *testing.F) {
	l := newLog(f, "harbour.example/log").grow(20, "")
	f.Add(l.request(0, 10))
	f.Add(l.request(10, 20))
	f.Add(l.request(10, 10))
	f.Add([]byte("old 0\n\nharbour.example/log\n"))
	w := open(f, f.TempDir(), l.key)
	f.Fuzz(func(t *testing.T, body []byte) {
		line, err := w.Cosign(body)
		if err != nil {
			return
		}
		_, checkpoint, _ := bytes.Cut(body, []byte("\n\n"))
		picked, by, err := receipt.PickCosignatures(append(checkpoint, line...), l.key, []string{w.Key()})
		if err != nil || len(by) != 1 {
			t.Errorf("signed what the log has not: %v\n%s", err, picked)
		}
	})
}
