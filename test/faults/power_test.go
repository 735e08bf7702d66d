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

var powerCuts = count("power-cuts", 70, "how often the power is cut")

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
	acts, moments, staff := record(t, h, a)
	told := answers(acts)
	if all := len(a.taken) + staff.done(); len(told) < all*98/100 {
		t.Fatalf("of %d acknowledgements %d are in the trace", all, len(told))
	}
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
		before := func(receipt string) bool {
			when, known := told[extra(receipt)] // one whose answer was torn in two is not
			return known && when < moment
		}
		for message, got := range a.taken {
			if before(got.receipt) {
				after.taken[message] = got
			}
		}
		acknowledged += len(after.taken)
		t.Run(fmt.Sprint("moment ", moment), func(t *testing.T) {
			p := startCut(t, h, files)
			staff.token = p.token(t) // a cut before there were keys has others
			after.hold(t, p.house, p.process, anyMore)
			staff.hold(t, p.process, func(d deed) bool { return before(d.receipt) })
		})
	})
	t.Logf("%d cuts in %d moments of %d acts: %d acknowledgements were kept in all, of %d forms", len(cuts), moments, len(acts), acknowledged, len(a.taken))
}

// record runs a house from its first start, and returns what it did.
func record(t *testing.T, h *house, a *account) (acts []*act, moments int, s *staff) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("there is no strace on this machine: run scripts/setup")
	}
	file := filepath.Join(t.TempDir(), "trace")
	p, ready, err := h.launchUnder(t, []string{strace, "-f", "-qq", "-y", "-xx", "-s", "8000000", "--seccomp-bpf", "-o", file, "-e", "trace=" + traced, "-e", "signal=none"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-p.gone:
		if strings.HasPrefix(p.said.String(), "strace:") {
			unable(t, "strace may not trace here: %v", p.said)
		}
		t.Fatal("avow ended: ", p.said)
	case <-time.After(60 * time.Second):
		t.Fatal("under strace avow does not start: ", p.said)
	}
	l := a.begin(t, 4, func(int) string { return p.public })
	s = beginStaff(t, 2, h.token(t), func(int) string { return p.private })
	l.until(t, 200)
	l.end()
	s.end()
	endTraced(t, p)
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if acts, moments, err = readTrace(in); err != nil {
		t.Fatal(err)
	}
	return acts, moments, s
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

var receiptIn = regexp.MustCompile(`c2sp\.org/tlog-proof@v1\\nextra ([A-Za-z0-9+/]{60})`)

// answers says at which moment each receipt was handed out: when avow began to
// tell. A receipt is known by the key of its entry, with which it begins.
func answers(acts []*act) map[string]int {
	told := map[string]int{}
	for _, act := range acts {
		if m := receiptIn.FindSubmatch(act.data); m != nil && act.what == "write" {
			told[string(m[1])] = act.begun
		}
	}
	return told
}

// extra is what a receipt begins with.
func extra(receipt string) string {
	_, rest, _ := strings.Cut(receipt, "\nextra ")
	return rest[:min(60, len(rest))]
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

// A cutHouse is a house after a power cut.
type cutHouse struct {
	*house
	*process
}

// startCut starts a house on what a power cut left.
func startCut(t *testing.T, h *house, files map[string][]byte) cutHouse {
	t.Helper()
	root, d := filepath.Dir(h.keys), disk{}
	for path, data := range files {
		name, err := filepath.Rel(root, path)
		if err != nil || strings.HasPrefix(name, "..") || strings.HasSuffix(name, "-shm") {
			continue
		}
		d[name] = append([]byte{}, data...) // an empty file is there
	}
	dir := d.write(t)
	after := &house{data: filepath.Join(dir, "data"), keys: filepath.Join(dir, "keys")}
	s, err := server.New(t.Context(), server.Config{Data: after.data, Keys: after.spec(), Statement: harbour.Statement, StatementName: "statement.md"})
	if err != nil {
		t.Fatal(err)
	}
	public, private := httptest.NewServer(s.Public()), httptest.NewServer(s.Private())
	t.Cleanup(func() {
		public.Close()
		private.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return cutHouse{after, &process{public: public.URL, private: private.URL}}
}
