package receipt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A Checkpoint is a log's word for what it holds: so many entries, with this
// root.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   [32]byte
}

// Text is the checkpoint as it is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// OpenCheckpoint checks that a signed checkpoint is of the log with this
// verifier key, and reads it. The log must have signed first. What follows may
// only be cosignatures, well formed; whether they hold is not checked.
func OpenCheckpoint(signed []byte, key string) (Checkpoint, error) {
	c, _, err := openNote(signed, key)
	return c, err
}

// openNote checks the log's own signature, and returns the lines that follow.
func openNote(signed []byte, key string) (c Checkpoint, more []signature, err error) {
	v, err := parseKey(key)
	if err != nil {
		return c, nil, err
	}
	text, lines, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return c, nil, errors.New("the checkpoint has no signature after an empty line")
	}
	text += "\n"
	own, rest, ok := cutSignature(lines)
	if !ok {
		return c, nil, fmt.Errorf("the checkpoint is not signed by %s", v.Name())
	}
	// Package note looks at the text too, and at what else a note may not be.
	if _, err := note.Open([]byte(text+"\n"+own.line), note.VerifierList(v)); err != nil {
		return c, nil, fmt.Errorf("the checkpoint is not signed by %s: %w", v.Name(), err)
	}
	for rest != "" {
		var s signature
		if s, rest, ok = cutSignature(rest); !ok || s.name == v.Name() || len(s.raw) != cosignatureSize || len(more) == maxCosigners {
			return c, nil, errors.New("the checkpoint carries more than the log's own signature, and what this version cannot check")
		}
		s.text = text
		more = append(more, s)
	}
	c, err = parseCheckpoint(text)
	if err == nil && c.Origin != v.Name() {
		err = fmt.Errorf("the checkpoint is of %q and signed by %q", c.Origin, v.Name())
	}
	return c, more, err
}

// parseCheckpoint reads the text of a checkpoint: three lines and no more.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return Checkpoint{}, errors.New("a checkpoint has three lines: origin, size and root")
	}
	size, ok := parseNumber(lines[1])
	if !ok {
		return Checkpoint{}, errors.New("the size in the checkpoint is not a number without leading zeros")
	}
	// A tree of more than 2^62 entries has no place in the arithmetic of tlog,
	// which would look for its largest full subtree for ever.
	if size > 1<<62 {
		return Checkpoint{}, errors.New("the size in the checkpoint is larger than any log's")
	}
	root, ok := decodeHash(lines[2])
	if !ok {
		return Checkpoint{}, errors.New("the root in the checkpoint is not a hash in base64")
	}
	return Checkpoint{lines[0], size, root}, nil
}

// CheckKey says whether this is the verifier key of a log.
func CheckKey(key string) error {
	_, err := parseKey(key)
	return err
}

// parseKey reads a verifier key, in the one way it can be written.
func parseKey(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("%q is not a log's key, which looks like harbour.example/log+1a2b3c4d+AZ…: %w", shorten(key), err)
	}
	parts := strings.Split(key, "+")
	material, err := decodeBase64(strings.Join(parts[2:], "+")) // base64 may hold a plus
	hash := strconv.FormatUint(uint64(v.KeyHash()), 16)
	if err != nil || key != fmt.Sprintf("%s+%08s+%s", v.Name(), hash, base64.StdEncoding.EncodeToString(material)) {
		return nil, fmt.Errorf("%q is a log's key in an unusual spelling", shorten(key))
	}
	return v, nil
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
