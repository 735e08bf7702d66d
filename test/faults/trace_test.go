//go:build linux

package faults_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// An act is something that a traced avow did to its files or told a visitor.
// What it does takes time: it has begun before it is done, and others act in
// between.
type act struct {
	what       string // name of the system call
	path       string // the file or folder
	to         string // the new name, for rename
	data       []byte // what was written
	at         int64  // where it was written; -1 for where the file is at; the new size for ftruncate
	create     bool   // the file was made by this
	truncate   bool   // the file was emptied by this
	begun, end int    // moments, counted in lines of the trace; end is 0 if it never ended
}

// readTrace reads what strace -f -y -xx wrote.
func readTrace(in io.Reader) (acts []*act, moments int, err error) {
	open := map[string]string{} // by thread: the first half of its call
	begun := map[string]int{}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), 64<<20)
	for lines.Scan() {
		moments++
		thread, call, _ := strings.Cut(lines.Text(), " ")
		call = strings.TrimLeft(call, " ")
		start := moments
		if first, ok := strings.CutSuffix(call, " <unfinished ...>"); ok {
			open[thread], begun[thread] = first, moments
			// It may already be happening; if it never ends this is all there is.
			continue
		}
		if rest, ok := resumed(call); ok {
			call, start = open[thread]+rest, begun[thread]
			delete(open, thread)
		}
		a, err := parseCall(call)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d of the trace: %w", moments, err)
		}
		if a != nil {
			a.begun, a.end = start, moments
			acts = append(acts, a)
		}
	}
	return acts, moments, lines.Err()
}

func resumed(call string) (rest string, ok bool) {
	if !strings.HasPrefix(call, "<... ") {
		return "", false
	}
	_, rest, ok = strings.Cut(call, " resumed>")
	return rest, ok
}

var (
	callForm = regexp.MustCompile(`^([a-z0-9_]+)\((.*)\) += (-?\d+)(?:<.*>)?(?: .*)?$`)
	onFD     = regexp.MustCompile(`^\d+<([^>]*)>`)
	text     = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?`)
	lastNum  = regexp.MustCompile(`, (\d+)$`)
)

// parseCall reads one line; what failed and what is none of a file's is nil.
func parseCall(call string) (*act, error) {
	m := callForm.FindStringSubmatch(call)
	if m == nil {
		if strings.HasPrefix(call, "+++") || strings.HasPrefix(call, "---") || strings.Contains(call, "= ?") {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot be read: %.200s", call)
	}
	name, args := m[1], m[2]
	if strings.HasPrefix(m[3], "-") {
		return nil, nil
	}
	a := &act{what: name, at: -1}
	if fd := onFD.FindStringSubmatch(args); fd != nil {
		a.path = unhex(fd[1])
	}
	var texts []string
	for _, t := range text.FindAllStringSubmatch(args, -1) {
		if t[2] != "" {
			return nil, fmt.Errorf("cut off by strace: %.100s", call)
		}
		texts = append(texts, unhex(t[1]))
	}
	return a, a.fill(args, texts)
}

func (a *act) fill(args string, texts []string) (err error) {
	number := func() {
		if n := lastNum.FindStringSubmatch(args); n != nil {
			a.at, err = strconv.ParseInt(n[1], 10, 64)
		}
	}
	switch a.what {
	case "pwrite64":
		number()
		a.data = []byte(texts[0])
	case "write", "writev", "sendto":
		a.what, a.data = "write", []byte(strings.Join(texts, ""))
	case "ftruncate":
		number()
	case "fallocate":
		if strings.Contains(args, "KEEP_SIZE") {
			a.path = ""
		}
		number() // from the start of the file, as SQLite asks for room
	case "openat":
		a.path, a.create, a.truncate = texts[0], strings.Contains(args, "O_CREAT"), strings.Contains(args, "O_TRUNC")
	case "mkdirat", "mkdir", "unlink", "unlinkat", "rmdir":
		a.path = texts[0]
		a.what = strings.TrimSuffix(a.what, "at")
	case "rename", "renameat", "renameat2":
		a.what, a.path, a.to = "rename", texts[0], texts[1]
	case "fsync", "fdatasync":
		a.what = "sync"
	}
	return err
}

// unhex reads what strace wrote as \x2f\x74…
func unhex(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var out bytes.Buffer
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], `\x`) && i+4 <= len(s) {
			if b, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				out.WriteByte(byte(b))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
