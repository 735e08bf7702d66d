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

// unable skips what this machine gives no right to. In CI it has to: a fault that
// is never tried shows nothing.
func unable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// mount gives a small file system of its own at dir, with room for so many
// bytes.
func mount(t *testing.T, dir string, room int64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("avow-faults", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", room)); err != nil {
		unable(t, "to fill a disk needs the right to mount one: %v", err)
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

// refusedOnce sends forms until one was refused, and returns how.
func (a *account) refusedOnce(t *testing.T, p *process, name string) *refusal {
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
		a.denied[message] = true // whatever it said
		return no
	}
	t.Fatal("5,000 forms were taken, and the disk is full")
	return nil
}

// goesOn waits until forms are taken again.
func (a *account) goesOn(t *testing.T, p *process, name string) {
	t.Helper()
	var err error
	for i := range 50 {
		message := fmt.Sprint(name, i)
		if err = a.send(http.DefaultClient, p.public, "again@load.example", message); err == nil {
			return
		}
		a.denied[message] = true
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("there is room again, and after 5 seconds a form is refused: %v\n%s", err, p.said)
}

// forty sends the forms that were there before the disk was full.
func (a *account) forty(t *testing.T, p *process) {
	t.Helper()
	for i := range 40 {
		if err := a.send(http.DefaultClient, p.public, fmt.Sprintf("%d@load.example", i), fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk fills up. Forms are refused in words that say why, people who want to
// be forgotten are forgotten, and when there is room again all goes on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h, a := newHouse(t), newAccount()
	mount(t, h.data, 10<<20)
	p := h.must(t)
	a.forty(t, p)
	s := beginStaff(t, 0, h.token(t), func(int) string { return p.private })
	for round := range 3 {
		var orders []order
		for i := range 5 {
			o, err := s.collect(0, fmt.Sprintf("full-%d-%d", round, i))
			if err != nil {
				t.Fatal(err)
			}
			orders = append(orders, o)
		}
		free := fill(t, h.data)
		for range 3 {
			no := a.refusedOnce(t, p, fmt.Sprint("full", round))
			if no.status != http.StatusServiceUnavailable && no.status != http.StatusInsufficientStorage || !strings.Contains(no.body, "room") {
				t.Errorf("a form for which there is no room is refused with %d: %s", no.status, no.body)
			}
		}
		for _, o := range orders[1:] {
			if err := s.erase(0, o); err != nil {
				t.Errorf("the disk is full, and who wants to be forgotten is not: %v", err)
			}
		}
		if round == 1 {
			p.kill() // full, and then the machine goes down
			free()
			p = h.must(t)
		} else {
			free()
		}
		a.goesOn(t, p, fmt.Sprint("after ", round))
	}
	if !strings.Contains(p.said.String(), "full") {
		t.Error("nobody was told that the disk is full: ", p.said)
	}
	a.hold(t, h, p, s.entries)
	s.hold(t, p, nil)
}

// A quota ends what a file may grow to. It is for whoever may not mount a disk:
// what is refused leaves nothing behind, and all goes on without a restart.
func TestQuota(t *testing.T) {
	t.Parallel()
	h, a := newHouse(t), newAccount()
	p := h.must(t)
	a.forty(t, p)
	for round := range 3 {
		limitFiles(t, p, 600<<10)
		for range 3 {
			if no := a.refusedOnce(t, p, fmt.Sprint("quota", round)); no.status < 500 {
				t.Errorf("a form for which there is no room is refused with %d: %s", no.status, no.body)
			}
		}
		limitFiles(t, p, ^uint64(0))
		a.goesOn(t, p, fmt.Sprint("after ", round))
	}
	a.hold(t, h, p, 0)
}

// limitFiles limits how large a file p may write.
func limitFiles(t *testing.T, p *process, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.cmd.Process.Pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Fatalf("limit what avow may write: %v", errno)
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
