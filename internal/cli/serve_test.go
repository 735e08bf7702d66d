package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
)

func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Dir, c.Env = dir, append(os.Environ(), "AVOW_AS_COMMAND=1")
	return c
}

// run runs avow to its end, and returns what it said and its status.
func run(t *testing.T, dir string, args ...string) (out string, status int) {
	t.Helper()
	c := command(t, dir, args...)
	text, err := c.CombinedOutput()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), c.ProcessState.ExitCode()
}

// A running avow.
type running struct {
	*exec.Cmd
	public, private string
	errors          bytes.Buffer
}

func start(t *testing.T, dir string, args ...string) *running {
	t.Helper()
	r := &running{Cmd: command(t, dir, append(args, "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0")...)}
	r.Stderr = &r.errors
	out, err := r.StdoutPipe()
	if err == nil {
		err = r.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() }) // ended already, unless the test failed
	lines := bufio.NewScanner(out)
	for r.private == "" && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "public":
			r.public = value
		case "private":
			r.private = value
		}
	}
	if r.private == "" {
		t.Fatalf("avow %s did not start: %s", strings.Join(args, " "), r.errors.String())
	}
	go io.Copy(io.Discard, out)
	return r
}

// stop asks the process to end, and insists that it ends well.
func (r *running) stop(t *testing.T) {
	t.Helper()
	_ = r.Process.Signal(syscall.SIGTERM)
	if err := r.Wait(); err != nil || r.errors.Len() > 0 {
		t.Errorf("it ends with %v: %s", err, r.errors.String())
	}
}

// send posts the contact form, and returns the receipt.
func (r *running) send(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.public+"/f/contact", strings.NewReader("email=ada@example.com&message=hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Receipt string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Receipt == "" {
		t.Fatalf("the form is answered %s without a receipt", resp.Status)
	}
	return answer.Receipt
}

// TestDemo goes the whole way by command line: run, send, verify, read, be
// refused, be killed, run again, publish.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	house := start(t, dir, "demo")
	text := house.send(t)
	if err := os.WriteFile(filepath.Join(dir, "receipt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := "file:" + filepath.Join("avow-demo", "keys")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"verify receipt", 0, "The receipt holds"},
		{"verify --log " + house.public, 0, "Proven"},
		{"verify --log " + house.public + "/log receipt", 0, "Proven"},
		{"read contact --for reply --as mia --keys " + keys + " --private " + house.private, 0, "hello"},
		{"read contact --for reply --as mia --json --fields email --keys " + keys + " --private " + house.private, 0, "ada@example.com"},
		{"read contact --for news --as mia --keys " + keys + " --private " + house.private, 1, `refused by contact: what came in by "contact" is used for "reply", not for "news"`},
		{"read contact --for sale --as mia --keys " + keys + " --private " + house.private, 1, "refused by never-sold"},
		{"read contact --for reply --keys " + keys, 2, "--as"},
		{"demo --listen 127.0.0.1:0 --private 127.0.0.1:0", 1, "use"},
	} {
		if out, status := run(t, dir, strings.Fields(c.args)...); status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("avow %s: status %d, want %d and %q in\n%s", c.args, status, c.status, c.says, out)
		}
	}
	_ = house.Process.Kill()
	_ = house.Wait()
	house = start(t, dir, "demo")
	if out, status := run(t, dir, "verify", "receipt", "--log", house.public); status != 0 {
		t.Errorf("after a kill the log does not hold what it held: %s", out)
	}
	house.stop(t)
}

func TestServeAndPublish(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "statement.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	text := string(harbour.Statement)
	write(text)
	start(t, dir, "serve", "--statement", "statement.md").stop(t)

	write(strings.Replace(text, "by the sea", "by the water", 1))
	out, status := run(t, dir, "serve", "--statement", "statement.md", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0")
	if status != 1 || !strings.Contains(out, "avow publish statement.md") {
		t.Errorf("served a text that is not in force: status %d\n%s", status, out)
	}
	write(strings.Replace(strings.Replace(text, "by the sea", "by the water", 1), "updated: 2026-11-24", "updated: "+today, 1))
	house := start(t, dir, "serve")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"publish statement.md", 1, "use"},
		{"publish statement.md --private " + house.private, 0, "published version 2 (wording)"},
		{"publish statement.md --private " + house.private, 0, "nothing to do"},
		{"publish nowhere.md", 1, "nowhere.md"},
		{"publish", 2, "<file>"},
	} {
		if out, status := run(t, dir, strings.Fields(c.args)...); status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("avow %s: status %d, want %d and %q in\n%s", c.args, status, c.status, c.says, out)
		}
	}
	house.stop(t)
	write("---\nstatement: 1\n---\n# Nothing\n")
	if out, status := run(t, dir, "publish", "statement.md"); status != 1 || !strings.Contains(out, "statement.md:1:") {
		t.Errorf("published what does not compile: status %d\n%s", status, out)
	}
	write(strings.NewReplacer("updated: 2026-11-24", "updated: "+today, "[name, email!, message!], for: [reply]", "[name, email!, message!], for: [reply, recruit]").Replace(text))
	if out, status := run(t, dir, "publish", "statement.md"); status != 0 || !strings.Contains(out, "published version 3 (wider)") {
		t.Errorf("a wider version: status %d\n%s", status, out)
	}
}

// TestServeBeforeNothing: who mistyped where the site is learns it at once, from
// avow and from the page; a site that is there is not complained about.
func TestServeBeforeNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "statement.md"), harbour.Statement, 0o600); err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(http.NotFoundHandler())
	for i, status := range []int{http.StatusNotFound, http.StatusBadGateway} {
		if i == 1 {
			site.Close()
		}
		r := start(t, dir, "serve", "--statement", "statement.md", "--site", site.URL)
		answer, err := http.Get(r.public)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		_ = r.Process.Signal(syscall.SIGTERM)
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
		if said := strings.Contains(r.errors.String(), "nothing answered"); answer.StatusCode != status || said != (i == 1) {
			t.Errorf("it is answered %d, want %d; avow said: %s", answer.StatusCode, status, r.errors.String())
		}
	}
}
