//go:build linux

package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// mount gives a small file system of its own at dir, with room for so many
// bytes.
func mount(t *testing.T, dir string, room int64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("avow-faults", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", room)); err != nil {
		t.Skipf("to fill a disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error("unmount: ", err)
		}
	})
}

// fill takes all room that is left in dir, as somebody else's files do, and
// returns what frees it.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "somebody-else")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// refusedClearly sends forms until one was refused, and holds the refusal to
// what whoever sends a form has to understand.
func (a *account) refusedClearly(t *testing.T, p *process, name string) {
	t.Helper()
	for i := range 5000 {
		message := fmt.Sprintf("%s-%d-%s", name, i, strings.Repeat("x", 2000))
		err := a.send(http.DefaultClient, p.public, fmt.Sprintf("%s-%d@load.example", name, i), message)
		var no *refusal
		if err == nil {
			continue
		}
		if !errors.As(err, &no) {
			t.Fatal(err)
		}
		if no.status != http.StatusServiceUnavailable && no.status != http.StatusInsufficientStorage {
			t.Errorf("a form for which there is no room is refused with %d: %s", no.status, no.body)
		}
		if !strings.Contains(no.body, "room") && !strings.Contains(no.body, "space") && !strings.Contains(no.body, "later") && !strings.Contains(no.body, "again") {
			t.Errorf("the refusal does not say what to do: %s", no.body)
		}
		a.denied[message] = true // whatever it said
		return
	}
	t.Fatal("5,000 forms were taken, and the disk is full")
}

// A disk fills up. Forms are refused, people who want to be forgotten are
// forgotten, and when there is room again all goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h, a := newHouse(t), newAccount()
	mount(t, h.data, 8<<20)
	p := h.must(t)
	for i := range 40 {
		if err := a.send(http.DefaultClient, p.public, fmt.Sprintf("%d@load.example", i), fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		free := fill(t, h.data)
		for range 3 {
			a.refusedClearly(t, p, fmt.Sprint("full", round))
		}
		if round == 1 {
			p.kill() // full, and then the machine goes down
			free()
			p = h.must(t)
		} else {
			free()
		}
		if err := a.send(http.DefaultClient, p.public, "again@load.example", fmt.Sprint("after ", round)); err != nil {
			t.Errorf("there is room again, and a form is refused: %v\n%s", err, p.said)
		}
	}
	if !strings.Contains(p.said.String(), "full") {
		t.Error("nobody was told that the disk is full: ", p.said)
	}
	a.hold(t, h, p, 0)
}

// A quota ends what a file may grow to. It is for whoever may not mount a disk.
func TestQuota(t *testing.T) {
	t.Parallel()
	h, a := newHouse(t), newAccount()
	p := h.must(t)
	for i := range 40 {
		if err := a.send(http.DefaultClient, p.public, fmt.Sprintf("%d@load.example", i), fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		limitFiles(t, p, 600<<10)
		for range 3 {
			a.refusedClearly(t, p, fmt.Sprint("quota", round))
		}
		limitFiles(t, p, ^uint64(0))
		if err := a.send(http.DefaultClient, p.public, "again@load.example", fmt.Sprint("after ", round)); err != nil {
			t.Errorf("there is room again, and a form is refused: %v\n%s", err, p.said)
		}
	}
	a.hold(t, h, p, 0)
}

// limitFiles limits how large a file p may write.
func limitFiles(t *testing.T, p *process, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Skipf("limit what avow may write: %v", errno)
	}
}

// A folder that nothing can be written to is refused in words that say so.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mount(t, h.data, 8<<20)
	p := h.must(t)
	p.stop(t)
	if err := syscall.Mount("", h.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p, err := h.start(t)
	if err == nil {
		p.kill()
		t.Fatal("it started on a disk that cannot be written to")
	}
	if !strings.Contains(err.Error(), "read-only") || !strings.Contains(err.Error(), h.data) {
		t.Errorf("it does not say that %s is read-only: %v", h.data, err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to say so", took)
	}
}
