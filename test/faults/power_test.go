//go:build linux

package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/server"
)

var powerCuts = count("power-cuts", 150, "how often the power is cut")

// traced are the calls that change files, or may tell somebody something.
const traced = "openat,pwrite64,write,writev,sendto,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"

// The power is cut at any moment: during the first start, in commits, in
// checkpoints of the write-ahead log. What was not synced may be lost, or there,
// or torn; what was acknowledged is there, and the house starts.
//
// avow runs under strace, which notes all that it writes and syncs, and what it
// answers. From that the disk is made as it may have been at each moment.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	h, a := newHouse(t), newAccount()
	acts, moments := record(t, h, a)
	told := answers(t, acts, a)
	r := rand.New(rand.NewPCG(1, 2))
	var cuts []int
	for range *powerCuts {
		cuts = append(cuts, 1+r.IntN(moments))
	}
	slices.Sort(cuts)
	acknowledged := 0
	replay(acts, cuts, func(m *model, moment int) {
		files := m.cut(r)
		after := newAccount()
		after.sent = a.sent
		for message, when := range told {
			if when < moment {
				after.taken[message] = a.taken[message]
			}
		}
		acknowledged += len(after.taken)
		t.Run(fmt.Sprint("moment ", moment), func(t *testing.T) { after.holdCut(t, h, files) })
	})
	t.Logf("%d cuts in %d moments of %d acts: %d acknowledgements were kept in all, of %d forms", len(cuts), moments, len(acts), acknowledged, len(a.taken))
}

// record runs a house from its first start, and returns what it did.
func record(t *testing.T, h *house, a *account) (acts []*act, moments int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace on this machine")
	}
	file := filepath.Join(t.TempDir(), "trace")
	p, ready, err := h.launchUnder(t, []string{strace, "-f", "-qq", "-y", "-xx", "-s", "1000000", "--seccomp-bpf", "-o", file, "-e", "trace=" + traced, "-e", "signal=none"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-p.gone:
		t.Skip("strace may not trace here: ", p.said)
	case <-time.After(60 * time.Second):
		t.Fatal("under strace avow does not start: ", p.said)
	}
	l := a.begin(t, 4, func(int) string { return p.public })
	l.until(t, 300)
	l.end()
	endTraced(t, p)
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if acts, moments, err = readTrace(in); err != nil {
		t.Fatal(err)
	}
	return acts, moments
}

// endTraced kills what runs under strace, and strace ends with it.
func endTraced(t *testing.T, p *process) {
	t.Helper()
	pid := p.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range strings.Fields(string(children)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(n, syscall.SIGKILL)
	}
	<-p.gone
}

var linkIn = regexp.MustCompile(`"link": ?"([^"]+)"`)

// answers says at which moment each form was acknowledged: when avow began to
// tell.
func answers(t *testing.T, acts []*act, a *account) map[string]int {
	t.Helper()
	byLink := map[string]string{}
	for message, got := range a.taken {
		byLink[got.link] = message
	}
	told := map[string]int{}
	for _, act := range acts {
		if act.what != "write" || !strings.HasPrefix(string(act.data), "HTTP/1.1 201") {
			continue
		}
		if m := linkIn.FindSubmatch(act.data); m != nil && byLink[string(m[1])] != "" {
			told[byLink[string(m[1])]] = act.begun
		}
	}
	if len(told) != len(a.taken) {
		t.Fatalf("%d forms were acknowledged, and %d answers are in the trace", len(a.taken), len(told))
	}
	return told
}

// replay lets acts happen, and calls fn at some moments.
func replay(acts []*act, moments []int, fn func(m *model, moment int)) {
	type event struct {
		when int
		act  *act
		end  bool
	}
	var events []event
	for _, a := range acts {
		events = append(events, event{a.begun, a, false}, event{a.end, a, true})
	}
	// A call that nothing came between begins and ends in the same line.
	slices.SortStableFunc(events, func(a, b event) int { return a.when - b.when })
	m := newModel()
	for _, moment := range moments {
		for len(events) > 0 && events[0].when < moment {
			if e := events[0]; e.end {
				m.end(e.act)
			} else {
				m.begin(e.act)
			}
			events = events[1:]
		}
		fn(m, moment)
	}
}

// holdCut starts a house on what a power cut left.
func (a *account) holdCut(t *testing.T, h *house, files map[string][]byte) {
	root, d := filepath.Dir(h.keys), disk{}
	for path, data := range files {
		if name, err := filepath.Rel(root, path); err == nil && !strings.HasPrefix(name, "..") && !strings.HasSuffix(name, "-shm") {
			d[name] = data
			if data == nil {
				d[name] = []byte{}
			}
		}
	}
	dir := d.write(t)
	after := &house{data: filepath.Join(dir, "data"), keys: filepath.Join(dir, "keys")}
	s, err := server.New(t.Context(), server.Config{Data: after.data, Keys: after.spec(), Statement: harbour.Statement, StatementName: "statement.md"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	public, private := httptest.NewServer(s.Public()), httptest.NewServer(s.Private())
	defer public.Close()
	defer private.Close()
	a.hold(t, after, &process{public: public.URL, private: private.URL}, 0)
}
