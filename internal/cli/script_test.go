package cli

import (
	"bufio"
	"cmp"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// TestMain makes the test's own program the avow command: what is tested is a
// process with a folder, a status and an end, as people run it.
func TestMain(m *testing.M) {
	clock := time.Now
	switch os.Getenv("AVOW_AS_COMMAND") {
	case "":
		os.Exit(m.Run())
	case "fixed":
		clock = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	}
	os.Exit(Main(os.Args[1:], World{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Clock: clock}))
}

// TestScripts runs every script. Beside avow they know: log makes a log and its
// receipts as files, serve serves a folder over HTTP, flip changes one bit of a
// file, say writes a text many times over, house runs a house
// and close ends it, witness runs a witness, fetch saves a page of the house, and
// await repeats a command until it says something, and tamper changes its rows
// behind its back.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"avow": runAvow, "log": makeLog, "serve": serveFolder, "flip": flipBit, "say": say, "house": runHouse, "close": stopHouse,
		"witness": runWitness, "fetch": fetch, "await": await, "tamper": tamper,
	}})
}

// runAvow runs a command and checks the status that the script expects: avow,
// ! avow, or avow 2 for a world.Wrong use. Its input is the file stdin, or <file.
func runAvow(ts *testscript.TestScript, fails bool, args []string) {
	want := world.Done
	if fails {
		want = world.Wrong
	}
	if n, err := strconv.Atoi(args[0]); err == nil {
		want, args = n, args[1:]
	}
	input := "stdin"
	if file, ok := strings.CutPrefix(args[len(args)-1], "<"); ok {
		input, args = file, args[:len(args)-1]
	}
	c := exec.Command(os.Args[0], args...)
	c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "AVOW_AS_COMMAND="+cmp.Or(ts.Getenv("CLOCK"), "fixed"), "AVOW_PASSPHRASE="+ts.Getenv("AVOW_PASSPHRASE"))
	c.Stdout, c.Stderr = ts.Stdout(), ts.Stderr()
	if stdin, err := os.Open(ts.MkAbs(input)); err == nil {
		defer stdin.Close()
		c.Stdin = stdin
	}
	_ = c.Run() // its status is looked at below
	if c.ProcessState == nil || c.ProcessState.ExitCode() != want {
		ts.Fatalf("avow %s: %v, want status %d", strings.Join(args, " "), c.ProcessState, want)
	}
}

// runHouse starts avow serve on the folder that is named, which holds data and
// keys, and puts its addresses into $PUBLIC and $PRIVATE: house DIR [flags].
func runHouse(ts *testscript.TestScript, _ bool, args []string) {
	statement := ts.MkAbs("statement.md")
	if _, err := os.Stat(statement); err != nil {
		ts.Check(os.WriteFile(statement, harbour.Statement, 0o600))
	}
	house := inBackground(ts, "private", append([]string{"serve", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0", "--statement", statement,
		"--data", args[0] + "/data", "--keys", "file:" + args[0] + "/keys"}, args[1:]...))
	houses.Store(ts.Getenv("WORK"), house)
}

// runWitness starts avow witness, and puts what serve --witness takes into
// $WITNESS.
func runWitness(ts *testscript.TestScript, _ bool, args []string) {
	inBackground(ts, "key", append([]string{"witness", "--listen", "127.0.0.1:0"}, args...))
	ts.Setenv("WITNESS", ts.Getenv("WITNESS")+"="+ts.Getenv("KEY"))
}

// inBackground starts a command, and puts the words that it begins with, up to
// the one that is named, into the environment.
func inBackground(ts *testscript.TestScript, last string, args []string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "AVOW_AS_COMMAND=1")
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { _ = c.Process.Kill(); _ = c.Wait() }) // stopped already, unless the script failed
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		ts.Setenv(strings.ToUpper(name), value)
		if name == last {
			go io.Copy(io.Discard, out)
			return c
		}
	}
	ts.Fatalf("avow %s did not start: %s", args[0], errs.String())
	return nil
}

// fetch saves a public page: fetch PATH FILE.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(ts.Getenv("PUBLIC") + args[0])
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

// await runs a command until it says a text, for ten seconds at most: await TEXT
// ARGS.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 100 {
		c := exec.Command(os.Args[0], args[1:]...)
		c.Dir, c.Env = ts.MkAbs("."), append(os.Environ(), "AVOW_AS_COMMAND=fixed")
		if out, err := c.Output(); err == nil && strings.Contains(string(out), args[0]) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("avow %s does not say %q", args[1], args[0])
}

// houses are the processes that run, by the folder of their script.
var houses sync.Map

// stopHouse asks the house to end, and insists that it ends well.
func stopHouse(ts *testscript.TestScript, _ bool, _ []string) {
	c, _ := houses.Load(ts.Getenv("WORK"))
	house := c.(*exec.Cmd)
	ts.Check(house.Process.Signal(syscall.SIGTERM))
	ts.Check(house.Wait())
	ts.Setenv("PRIVATE", "")
	ts.Setenv("PUBLIC", "")
}

// say appends a text to a file once, often or endlessly, with \n, \x00 and \xff
// meant.
func say(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.NewReplacer(`\n`, "\n", `\x00`, "\x00", `\xff`, "\xff").Replace(args[2])
	n := map[string]int{"once": 1, "often": 3000, "endless": 300_000}[args[1]]
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(strings.Repeat(text, n))
	ts.Check(err)
	ts.Check(f.Close())
}

// tamper runs SQL on the database of a house that does not run, behind its back:
// tamper DIR SQL.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := driver.Open("file:" + ts.MkAbs(args[0]) + "/data/avow.db")
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(err)
	ts.Check(db.Close())
}
