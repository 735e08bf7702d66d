//go:build linux

// Package faults attacks a running avow: it kills it, cuts its connections,
// fills and damages its disk and turns its clock, and holds it to what it had
// acknowledged.
//
// Each test has a short form that runs with all others and a long one by flag;
// docs/faults.md says what was tried and how often.
package faults_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/seal"
)

var ctx = context.Background()

// count is a flag that says how often a fault is tried.
func count(name string, short int, what string) *int {
	return flag.Int("faults."+name, short, what)
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if built != "" {
		os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

var built string

// program builds avow, once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "avow-faults-")
	if err != nil {
		return "", err
	}
	built = filepath.Join(dir, "avow")
	build := exec.Command("go", "build", "-o", built, "./cmd/avow")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build avow: %w\n%s", err, out)
	}
	return built, nil
})

// A house is where avow keeps what it keeps, whether it runs or not.
type house struct {
	data, keys string
	database   string // the URL of PostgreSQL; empty for SQLite in data
}

// newHouse makes the place for a house, in a folder of the test's own.
func newHouse(t testing.TB) *house {
	t.Helper()
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "statement.md"), harbour.Statement, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return &house{data: filepath.Join(dir, "data"), keys: filepath.Join(dir, "keys")}
}

func (h *house) spec() string { return "file:" + h.keys }

// statement is the file the house is started on.
func (h *house) statement() string { return filepath.Join(filepath.Dir(h.keys), "statement.md") }

// token is what staff show.
func (h *house) token(t testing.TB) string { return tokenOf(t, h.spec()) }

func tokenOf(t testing.TB, spec string) string {
	t.Helper()
	keys, err := seal.Open(spec, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	return keys.Token()
}

// command is an avow command on this house.
func (h *house) command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	avow, err := program()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{name, "--keys", h.spec()}
	if h.database == "" {
		all = append(all, "--data", h.data)
	} else {
		all = append(all, "--db", h.database)
	}
	cmd := exec.Command(avow, append(all, args...)...)
	// Whatever ends this test ends the process too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// A process is a running avow.
type process struct {
	public, private string
	volume          string // which log is looked at; the first if empty
	cmd             *exec.Cmd
	said            *said         // what it wrote to standard error
	gone            chan struct{} // closed when it has ended
}

// said keeps what a process says while it is read elsewhere.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// launch starts avow. ready is closed when it listens.
func (h *house) launch(t testing.TB) (p *process, ready chan struct{}, err error) {
	t.Helper()
	return h.launchUnder(t, nil)
}

// launchUnder starts avow under another program.
func (h *house) launchUnder(t testing.TB, under []string) (p *process, ready chan struct{}, err error) {
	t.Helper()
	cmd := h.command(t, "serve", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0", "--statement", h.statement())
	if under != nil {
		cmd.Path, cmd.Args = under[0], append(under, cmd.Args...)
	}
	p = &process{cmd: cmd, said: new(said), gone: make(chan struct{})}
	cmd.Stderr = p.said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	t.Cleanup(p.kill)
	ready = make(chan struct{})
	go p.listen(out, ready)
	return p, ready, nil
}

// start starts avow and waits until it listens. An avow that ends instead is an
// error that holds what it said.
func (h *house) start(t testing.TB) (*process, error) {
	t.Helper()
	p, ready, err := h.launch(t)
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
		return p, nil
	case <-p.gone:
		return nil, fmt.Errorf("avow ended: %s", strings.TrimSpace(p.said.String()))
	case <-time.After(60 * time.Second):
		p.kill()
		return nil, fmt.Errorf("avow did not start within a minute: %s", p.said)
	}
}

// must is start for a house that has to start.
func (h *house) must(t testing.TB) *process {
	t.Helper()
	p, err := h.start(t)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen reads where the process listens, and waits for its end.
func (p *process) listen(out io.Reader, ready chan<- struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "public":
			p.public = address
		case "private":
			p.private = address
			close(ready)
		}
	}
	p.cmd.Wait()
	close(p.gone)
}

// kill ends the process where it stands, and returns when it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.gone
}

// stop ends the process as an operator does.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(20 * time.Second):
		p.kill()
		t.Fatal("avow did not end when told to: ", p.said)
	}
}

// fetch gets a part of the log that p serves.
func (p *process) fetch(path string) ([]byte, error) {
	resp, err := http.Get(p.public + "/log/" + p.volume + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return body, err
}
