package seal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A ring is all the keys of one avow as they are kept. Written out it is one
// line for each:
//
//	avow-key/v1 NAME KEY CHECK
//	avow-key/v1 epoch-N KEY SINCE CHECK
//
// KEY is 32 bytes in base64, SINCE is when the epoch began, if anybody said so,
// and CHECK is the beginning of the SHA-256 of what stands before it.
type ring struct {
	epochs            map[int64]dated
	index, log, token secret
}

const (
	keyFormat   = "avow-key/v1"
	indexName   = "index"
	logName     = "log"
	tokenName   = "token"
	epochPrefix = "epoch-"
)

func newRing(now time.Time) *ring {
	return &ring{epochs: map[int64]dated{1: {newSecret(), now}}, index: newSecret(), log: newSecret(), token: newSecret()}
}

func epochName(n int64) string { return epochPrefix + strconv.FormatInt(n, 10) }

// epochNumber reads what epochName wrote, and nothing else.
func epochNumber(name string) (int64, bool) {
	text, ok := strings.CutPrefix(name, epochPrefix)
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil && n > 0 && epochName(n) == name
}

func keyLine(name string, d dated) string {
	line := fmt.Sprintf("%s %s %s", keyFormat, name, base64.StdEncoding.EncodeToString(d.secret()))
	if !d.since.IsZero() {
		line += " " + d.since.UTC().Format(time.RFC3339)
	}
	sum := sha256.Sum256([]byte(line))
	return line + " " + hex.EncodeToString(sum[:4]) + "\n"
}

var errDamaged = errors.New("damaged")

// readLine reads what keyLine wrote, and nothing else.
func readLine(line string) (name string, d dated, err error) {
	words := strings.Fields(line)
	if len(words) != 4 && len(words) != 5 {
		return "", d, errDamaged
	}
	if len(words) == 5 {
		if d.since, err = time.Parse(time.RFC3339, words[3]); err != nil {
			return "", d, errDamaged
		}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(words[2])
	if err != nil || len(raw) != 32 {
		return "", d, errDamaged
	}
	d.secret = hide(raw)
	if keyLine(words[1], d) != line {
		return "", d, errDamaged
	}
	return words[1], d, nil
}

// bytes writes the ring out.
func (r *ring) bytes() []byte {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(r.epochs)) {
		b.WriteString(keyLine(epochName(n), r.epochs[n]))
	}
	b.WriteString(keyLine(indexName, dated{secret: r.index}))
	b.WriteString(keyLine(logName, dated{secret: r.log}))
	b.WriteString(keyLine(tokenName, dated{secret: r.token}))
	return []byte(b.String())
}

// parseRing reads what bytes wrote.
func parseRing(text []byte) (*ring, error) {
	r := &ring{epochs: map[int64]dated{}}
	for line := range strings.Lines(string(text)) {
		name, d, err := readLine(line)
		if err != nil {
			return nil, err
		}
		if err := r.put(name, d); err != nil {
			return nil, err
		}
	}
	return r, r.whole()
}

func (r *ring) put(name string, d dated) error {
	if n, ok := epochNumber(name); ok {
		if _, twice := r.epochs[n]; twice {
			return errDamaged
		}
		r.epochs[n] = d
		return nil
	}
	into := map[string]*secret{indexName: &r.index, logName: &r.log, tokenName: &r.token}[name]
	if into == nil || *into != nil {
		return errDamaged
	}
	*into = d.secret
	return nil
}

// whole says what is missing.
func (r *ring) whole() error {
	switch {
	case len(r.epochs) == 0:
		return errors.New("the key of the epoch is missing")
	case r.index == nil || r.log == nil || r.token == nil:
		return errors.New("some of the keys are missing")
	}
	return nil
}
