//go:build linux

package faults_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

var (
	damages    = count("damage", 270, "how many faults are put into a disk")
	damageSeed = count("damage-seed", 0, "where in the sequence of faults to begin")
)

// The files of a house as they lay on the disk, by name under its folder.
type disk map[string][]byte

func readDisk(t testing.TB, dir string) disk {
	t.Helper()
	d := disk{}
	for _, folder := range []string{"data", "keys"} {
		files, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if f.IsDir() {
				continue // the server log, which is nobody's data
			}
			name := filepath.Join(folder, f.Name())
			if d[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// write puts the files into a new folder. A file that is nil is not there.
func (d disk) write(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range d {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if data == nil {
			continue
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	mainFile = "data/avow.db"
	walFile  = "data/avow.db-wal"
	pageSize = 4096
)

// A scene is a house's disk now and a while ago, of which a fault takes what it
// needs.
type scene struct{ now, old disk }

// filled runs a house with a few hundred forms and gives its disk: at two
// moments after it was stopped, and at two moments while it ran, when its
// newest rows stand in the write-ahead log alone.
func filled(t *testing.T) (rest, running scene) {
	h := servertest.New(t)
	n := 0
	send := func(forms int) {
		for range forms {
			email := fmt.Sprintf("%d@load.example", n/2)
			switch n++; n % 3 {
			case 0:
				h.Taken("newsletter", "email", email)
			case 1:
				h.Taken("order", "name", "N", "email", email, "address", "A", "instrument", "Tide clock")
			default:
				h.Taken("contact", "email", email, "message", strings.Repeat("a message ", 1+n%50))
			}
			if n%20 == 0 {
				stop := url.Values{"email": {email}, "choice": {"nothing"}}
				if a := h.Send("/privacy/letters", "application/x-www-form-urlencoded", strings.NewReader(stop.Encode())); a.Status != http.StatusOK {
					t.Fatalf("stop letters: %d", a.Status)
				}
			}
			h.Pass(time.Second)
		}
	}
	at := func(stopped bool) disk {
		if stopped {
			h.Stop()
			defer h.Start("")
		} else {
			settled(t, h)
		}
		return readDisk(t, h.Dir)
	}
	send(300)
	rest.old = at(true)
	send(120)
	rest.now = at(true)
	send(30)
	running.old = at(false)
	send(30)
	running.now = at(false)
	return rest, running
}

// settled waits until the high-water file has caught up with the log.
func settled(t *testing.T, h *servertest.House) {
	checkpoint := h.Get("/log/checkpoint").Body
	for range 500 {
		mark, err := os.ReadFile(filepath.Join(h.Dir, "keys", "high-water"))
		if err == nil && string(mark) == checkpoint {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the high-water file does not catch up")
}

// Faults that a disk, a file system or a person can put into the files of a
// house. Each changes its copy of the files.
type fault struct {
	name string
	do   func(s scene, r *rand.Rand) disk
}

// A verdict is what came of a fault.
type verdict int

const (
	refused  verdict = iota // the house did not start, and said why
	found                   // it started, and the full check named it
	harmless                // neither, and all is there as it was before
	counted                 // neither, and only a counter is not as it was before
	missed                  // neither, and something is not as it was before
)

func (v verdict) String() string {
	return []string{"refused", "found", "harmless", "counted", "missed"}[v]
}

// Whatever the disk does to the files of a house at rest, or of one that was
// cut off, it is named when the house is started or checked, or it hit bytes
// that nothing is kept in.
func TestDamaged(t *testing.T) {
	t.Parallel()
	rest, running := filled(t)
	for _, s := range []scene{rest, running} {
		for _, d := range []disk{s.now, s.old} {
			if v, said := examine(t, d.write(t), true); v != harmless || said != "" {
				t.Fatalf("a disk without a fault: %s: %s", v, said)
			}
		}
	}
	contents := map[string]disk{"rest": rest.now, "running": running.now}
	tally, texts := newTally(), map[string]int{}
	var all sync.WaitGroup
	turns := make(chan int)
	for range 4 {
		all.Go(func() {
			for turn := range turns {
				seed := uint64(*damageSeed + turn)
				r := rand.New(rand.NewPCG(seed, 1))
				kind, s, state := faults[int(seed)%len(faults)], rest, "rest"
				if seed/uint64(len(faults))%3 == 2 || kind.name[:3] == "log" {
					s, state = running, "running"
				}
				after := kind.do(s, r)
				if after == nil || same(after, s.now) {
					continue // this time it changes nothing
				}
				v, said := judge(t, contents[state], after, seed%2 == 0)
				tally.add(kind.name, v)
				tally.text(texts, said)
				if v == missed {
					t.Errorf("%s on a house at %s (-faults.damage=1 -faults.damage-seed=%d): missed: %s", kind.name, state, seed, said)
				}
			}
		})
	}
	for turn := range *damages {
		turns <- turn
	}
	close(turns)
	all.Wait()
	t.Log(tally)
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		t.Logf("%d × %s", texts[text], text)
	}
}

// judge says what a house makes of a damaged disk.
func judge(t *testing.T, before, after disk, named bool) (verdict, string) {
	dir, asItWas, asItIs := after.write(t), before.write(t), after.write(t)
	defer func() { // thousands of them would fill a disk
		for _, dir := range []string{dir, asItWas, asItIs} {
			os.RemoveAll(dir)
		}
	}()
	v, said := examine(t, dir, named)
	if v != harmless {
		return v, said
	}
	differ, counts := compareRows(t, asItWas, asItIs)
	if differ == "" {
		return harmless, ""
	}
	if counts {
		return counted, differ
	}
	if mended, counts := compareRows(t, asItWas, dir); mended == "" || counts {
		return harmless, "" // by the start
	}
	return missed, differ
}

// examine starts the house in dir, with its statement named or on what is in
// force, and has it check itself.
func examine(t *testing.T, dir string, named bool) (verdict, string) {
	c := server.Config{Data: filepath.Join(dir, "data"), Keys: "file:" + filepath.Join(dir, "keys"),
		Clock: func() time.Time { return time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC) }}
	if named {
		c.Statement, c.StatementName = harbour.Statement, "statement.md"
	}
	s, err := server.New(t.Context(), c)
	if err != nil {
		return refused, err.Error()
	}
	if err := s.Close(); err != nil {
		return found, err.Error()
	}
	if err := fullCheck(dir); err != nil {
		return found, err.Error()
	}
	return harmless, ""
}

// same says whether two disks hold the same.
func same(a, b disk) bool {
	return maps.EqualFunc(a, b, func(x, y []byte) bool { return bytes.Equal(x, y) && (x == nil) == (y == nil) })
}

// A tally counts verdicts by kind of fault.
type tally struct {
	mu     sync.Mutex
	byKind map[string]*[5]int
}

func newTally() *tally { return &tally{byKind: map[string]*[5]int{}} }

func (y *tally) add(kind string, v verdict) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.byKind[kind] == nil {
		y.byKind[kind] = new([5]int)
	}
	y.byKind[kind][v]++
}

// text counts what was said, without the numbers and paths in it.
func (y *tally) text(texts map[string]int, said string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	texts[plain(said)]++
}

// plain takes out of a text what differs from case to case.
func plain(said string) string {
	words := strings.Fields(said)
	for i, w := range words {
		if strings.ContainsAny(w, "0123456789") {
			words[i] = "…"
		}
	}
	text := strings.Join(words, " ")
	return text[:min(len(text), 160)]
}

func (y *tally) String() string {
	var out bytes.Buffer
	var sum [5]int
	row := func(kind string, n [5]int) {
		fmt.Fprintf(&out, "\n%-28s %8d %8d %8d %8d %8d", kind, n[refused], n[found], n[harmless], n[counted], n[missed])
	}
	fmt.Fprintf(&out, "\n%-28s %8s %8s %8s %8s %8s", "fault", refused, found, harmless, counted, missed)
	for _, kind := range slices.Sorted(maps.Keys(y.byKind)) {
		row(kind, *y.byKind[kind])
		for i, n := range y.byKind[kind] {
			sum[i] += n
		}
	}
	row("all", sum)
	return out.String()
}
