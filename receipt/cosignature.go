package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Cosignature is a witness's word, as c2sp.org/tlog-cosignature, that a
// checkpoint is of a log that only grew for as long as it has watched.
type Cosignature struct {
	Name   string    // of the witness
	Key    string    // its verifier key; empty if none is known, and then nothing was checked
	At     time.Time // when it looked
	Pinned bool      // the key was given by the caller
}

const (
	cosignerKind    = 4            // of a verifier key for cosignature/v1
	cosignatureSize = 4 + 8 + 64   // key id, time, signature
	maxLines        = 100          // of a note that may hold anybody's signatures
	maxCosigners    = 16           // lines in a checkpoint, beside the log's own
	lastMoment      = 253402300799 // the end of the year 9999
	sigMark         = "— "         // what a signature line begins with
)

// A signature is a line of a note.
type signature struct {
	line, name string
	raw        []byte
	text       string // what is signed
}

// cutSignature reads the first of some signature lines, in the one way it can be
// written.
func cutSignature(lines string) (s signature, rest string, ok bool) {
	line, rest, ok := strings.Cut(lines, "\n")
	body, marked := strings.CutPrefix(line, sigMark)
	name, text, spaced := strings.Cut(body, " ")
	raw, err := decodeBase64(text)
	s = signature{line: line + "\n", name: name, raw: raw}
	return s, rest, ok && marked && spaced && err == nil && len(raw) > 4 && isKeyName(name)
}

func isKeyName(name string) bool {
	return name != "" && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsSpace) < 0 && !strings.Contains(name, "+") &&
		strings.IndexFunc(name, func(r rune) bool { return r < 0x20 }) < 0
}

// CosignerKey is the verifier key of a witness.
func CosignerKey(name string, public ed25519.PublicKey) string {
	material := append([]byte{cosignerKind}, public...)
	return fmt.Sprintf("%s+%x+%s", name, keyID(name, material), base64.StdEncoding.EncodeToString(material))
}

func keyID(name string, material []byte) []byte {
	sum := sha256.Sum256(append([]byte(name+"\n"), material...))
	return sum[:4]
}

// parseCosigner reads the verifier key of a witness, in the one way it can be
// written.
func parseCosigner(key string) (name string, public ed25519.PublicKey, err error) {
	name, rest, _ := strings.Cut(key, "+")
	_, material, _ := strings.Cut(rest, "+")
	raw, err := decodeBase64(material)
	if err != nil || len(raw) != 33 || raw[0] != cosignerKind || !isKeyName(name) || CosignerKey(name, raw[1:]) != key {
		return "", nil, fmt.Errorf("%q is not a witness's key, which looks like witness.example+1a2b3c4d+BA…", shorten(key))
	}
	return name, raw[1:], nil
}

// CosignerName is the name of the witness with a verifier key, if it is one.
func CosignerName(key string) (string, error) {
	name, _, err := parseCosigner(key)
	return name, err
}

// CosignatureText is what a witness signs who saw a checkpoint with this text at
// a moment, in seconds since 1970.
func CosignatureText(text string, at int64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
}

// CosignatureLine is the line that a witness adds to a note.
func CosignatureLine(key string, at int64, sig []byte) (string, error) {
	name, public, err := parseCosigner(key)
	if err != nil {
		return "", err
	}
	raw := binary.BigEndian.AppendUint64(keyID(name, append([]byte{cosignerKind}, public...)), uint64(at))
	return sigMark + name + " " + base64.StdEncoding.EncodeToString(append(raw, sig...)) + "\n", nil
}

// cosignedBy says when the witness with this key has cosigned, if it did.
func (s signature) cosignedBy(key string) (at time.Time, ok bool) {
	name, public, err := parseCosigner(key)
	if err != nil || len(s.raw) != cosignatureSize || s.name != name || string(s.raw[:4]) != string(keyID(name, append([]byte{cosignerKind}, public...))) {
		return at, false
	}
	seconds := binary.BigEndian.Uint64(s.raw[4:12])
	if seconds > lastMoment {
		return at, false
	}
	return time.Unix(int64(seconds), 0).UTC(), ed25519.Verify(public, CosignatureText(s.text, int64(seconds)), s.raw[12:])
}

// cosignatures checks the cosignatures in a receipt: exactly those of the
// witnesses that it names.
func cosignatures(lines []signature, named []string, o Options) (all []Cosignature, err error) {
	if len(lines) != len(named) {
		return nil, errors.New("the checkpoint does not carry the signatures of the log and of the witnesses that the receipt names, and no more than the log's own signature")
	}
	for i, line := range lines {
		at, ok := line.cosignedBy(named[i])
		if !ok || slices.Contains(named[:i], named[i]) {
			return nil, fmt.Errorf("the checkpoint is not cosigned by the witness %q", shorten(named[i]))
		}
		all = append(all, Cosignature{line.name, named[i], at, slices.Contains(o.Witnesses, named[i])})
	}
	return all, quorum(all, o.Witnesses, o.Quorum)
}

// OpenCosigned checks a checkpoint as OpenCheckpoint does, and which of these
// witnesses have cosigned it: at least as many as the quorum. Cosignatures of
// others are told too, with no key, because they were not checked.
func OpenCosigned(signed []byte, key string, witnesses []string, need int) (Checkpoint, []Cosignature, error) {
	c, more, err := openNote(signed, key)
	if err != nil {
		return c, nil, err
	}
	var all []Cosignature
	for _, line := range more {
		known := Cosignature{Name: line.name, At: time.Unix(int64(min(binary.BigEndian.Uint64(line.raw[4:12]), lastMoment)), 0).UTC()}
		for _, w := range witnesses {
			if at, ok := line.cosignedBy(w); ok {
				known = Cosignature{line.name, w, at, true}
			}
		}
		all = append(all, known)
	}
	return c, all, quorum(all, witnesses, need)
}

// quorum says whether as many of the witnesses have cosigned as are needed.
func quorum(all []Cosignature, witnesses []string, need int) error {
	for _, w := range witnesses {
		if _, err := CosignerName(w); err != nil {
			return err
		}
	}
	by := map[string]bool{}
	for _, c := range all {
		if c.Pinned {
			by[c.Key] = true
		}
	}
	if len(by) < need {
		return fmt.Errorf("%d of your witnesses have cosigned the checkpoint, and you asked for %d", len(by), need)
	}
	return nil
}

// PickCosignatures reduces a checkpoint to the log's own signature and the
// cosignatures of these witnesses that hold, one each and in their order, and
// says whose they are.
func PickCosignatures(signed []byte, key string, witnesses []string) (picked []byte, by []string, err error) {
	text, lines, _ := strings.Cut(string(signed), "\n\n")
	err = errors.New("the checkpoint has no signature")
	found := map[string]string{}
	for _, line := range strings.SplitAfterN(lines, "\n", maxLines) {
		s, _, ok := cutSignature(line)
		if !ok {
			continue
		}
		if picked == nil {
			own := []byte(text + "\n\n" + line)
			if _, err = OpenCheckpoint(own, key); err == nil {
				picked = own
				continue
			}
		}
		s.text = text + "\n"
		for _, w := range witnesses {
			if _, ok := s.cosignedBy(w); ok {
				found[w] = s.line
			}
		}
	}
	if picked == nil {
		return nil, nil, err
	}
	for _, w := range witnesses {
		if line, ok := found[w]; ok && len(by) < maxCosigners {
			picked, by = append(picked, line...), append(by, w)
			delete(found, w)
		}
	}
	return picked, by, nil
}
