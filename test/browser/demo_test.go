package browser

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
)

// A demo is avow as it is built and run, on the example.
type demo struct {
	dir     string
	bin     string
	public  string
	private string
	cmd     *exec.Cmd
	drained chan struct{}
	stderr  bytes.Buffer
}

// startDemo returns the one demo of these tests.
func startDemo(t *testing.T) *demo {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.demo == nil {
		shared.demo = &demo{drained: make(chan struct{})}
		shared.demoFault = shared.demo.start()
	}
	if shared.demoFault != nil {
		t.Fatal(shared.demoFault)
	}
	return shared.demo
}

// start builds and runs avow. Version 2 of its statement is the example as it
// is, and version 1 let it keep letters longer.
func (d *demo) start() (err error) {
	if d.dir, err = os.MkdirTemp("", "avow-demo-"); err != nil {
		return err
	}
	d.bin = filepath.Join(d.dir, "avow")
	build := exec.Command("go", "build", "-trimpath", "-o", d.bin, "./cmd/avow")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./cmd/avow: %w\n%s", err, out)
	}
	earlier := strings.NewReplacer("updated: 2026-11-24", "updated: 2026-03-02", "keep: 24 months}\n  order", "keep: 36 months}\n  order",
		"message for 24 months", "message for 36 months", "in a workshop by the sea", "in a shed by the sea").Replace(string(harbour.Statement))
	statement := filepath.Join(d.dir, "statement.md")
	if err := os.WriteFile(statement, []byte(earlier), 0o600); err != nil {
		return err
	}
	if err := d.run(statement); err != nil {
		return err
	}
	if err := os.WriteFile(statement, harbour.Statement, 0o600); err != nil {
		return err
	}
	_, err = d.avow("publish", statement, "--private", d.private, "--keys", d.keys())
	return err
}

func (d *demo) keys() string { return "file:" + filepath.Join(d.dir, "keys") }

// run runs avow demo and waits until it says where it listens.
func (d *demo) run(statement string) error {
	d.cmd = exec.Command(d.bin, "demo", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0",
		"--data", filepath.Join(d.dir, "data"), "--keys", d.keys(), "--statement", statement)
	d.cmd.Dir = d.dir
	d.cmd.Stderr = &d.stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan struct{})
	go func() {
		defer close(d.drained)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if url, ok := strings.CutPrefix(lines.Text(), "public "); ok {
				d.public = url
			} else if url, ok := strings.CutPrefix(lines.Text(), "private "); ok {
				d.private = url
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
		return nil
	case <-d.drained:
		d.cmd.Wait()
		return fmt.Errorf("avow demo ended: %s\n%s", d.cmd.ProcessState, &d.stderr)
	case <-time.After(30 * time.Second):
		return errors.New("avow demo does not say where it listens")
	}
}

// avow runs another command of avow and returns what it printed.
func (d *demo) avow(args ...string) (string, error) {
	out, err := exec.Command(d.bin, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("avow %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// stop ends the demo, asking first, and removes its folder.
func (d *demo) stop() {
	if d.cmd != nil && d.cmd.Process != nil {
		d.cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(15*time.Second, func() {
			fmt.Fprintln(os.Stderr, "avow demo does not stop")
			d.cmd.Process.Kill()
		})
		<-d.drained
		d.cmd.Wait()
		late.Stop()
	}
	os.RemoveAll(d.dir)
}
