// Package receipt checks, offline, that an event was recorded in an avow's public log.
//
// A receipt is a text file in the form of c2sp.org/tlog-proof@v1:
//
//	c2sp.org/tlog-proof@v1
//	extra <base64 of the extra data>
//	index <place of the entry in the log>
//	<base64 of a hash>            the Merkle inclusion proof, from the leaf up
//	…
//
//	<origin of the log>           the checkpoint: a signed note
//	<size of the log>
//	<base64 of the root hash>
//
//	— <origin> <base64 of the signature>
//
// The extra data is JSON in canonical form (RFC 8785) with these members, of
// which the first and the last are there only when they say something:
//
//	bulk       how the event stands in an entry for many: see below
//	k          base64 of the key of this one entry
//	key        the log's key, as a verifier key of c2sp.org/signed-note
//	payload    what happened, itself JSON in canonical form; see Event
//	witnesses  verifier keys of those who have cosigned the checkpoint
//
// The entry in the log is 66 bytes, {"c":"<base64>","k":"e","v":1}, where c is
// HMAC-SHA256 under k of the payload. So the log says nothing about anybody,
// and who holds the receipt can show what the entry stands for.
//
// What was done with many at once has one entry, a fact of kind b with members
// n and root: how many, and the RFC 6962 root over their commitments c, each of
// 32 bytes. The member bulk of a receipt has then entry, the log entry as text;
// index, the event's place among the n; and path, base64 of all hashes from the
// commitment's sibling up, in one piece.
//
// After the log's own signature the checkpoint has one line for each of the
// witnesses, in their order, and no others: cosignature/v1 of
// c2sp.org/tlog-cosignature. All of them are checked.
//
// Checking is strict: there is one spelling of a receipt, and a receipt that
// differs in a single bit is refused. What a receipt cannot prove by itself is
// whose log it speaks of, because it brings the key along: give Options.Key to
// hold it to a key that you got another way.
package receipt

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	header  = "c2sp.org/tlog-proof@v1\n"
	maxSize = 64 << 10
	maxPath = 63 // hashes in a proof; a log cannot have more than 2^63 entries
)

// Options say what a receipt is held to.
type Options struct {
	Key       string   // the verifier key of the log; empty to believe the receipt's own
	Witnesses []string // verifier keys of the witnesses that you trust
	Quorum    int      // how many of those must have cosigned
}

// A Receipt is one that was checked and holds.
type Receipt struct {
	Event   Event
	Payload []byte // the event as it was recorded, byte for byte

	Origin   string // the name of the log
	Size     int64  // entries in the log when the receipt was made
	Root     [32]byte
	Index    int64         // place of the event, from 0
	Bulk     int64         // with how many events it shares the entry, itself among them; 0 if it has its own
	Key      string        // the verifier key that signed
	Pinned   bool          // the key was given by the caller, not taken from the receipt
	Cosigned []Cosignature // who else has signed; all hold
}

// A Proof is a receipt that was read and not checked.
type Proof struct {
	Index      int64
	Path       [][32]byte // hashes from the leaf's sibling to the root's child
	Checkpoint []byte     // signed note
	Extra      Extra
}

// Extra is what the receipt carries beside the proof.
type Extra struct {
	EntryKey  [32]byte
	LogKey    string
	Payload   []byte
	Bulk      *Bulk    // nil if the event has an entry of its own
	Witnesses []string // of the cosignatures of the checkpoint, in their order
}

// Verify reads a receipt and checks all of it.
func Verify(data []byte, o Options) (*Receipt, error) {
	p, err := Parse(data)
	if err != nil {
		return nil, err
	}
	return p.Verify(o)
}

// Verify checks the proof: the entry is the one that the payload gives, the
// entry is in the tree, and the log has signed the tree.
func (p *Proof) Verify(o Options) (*Receipt, error) {
	key := p.Extra.LogKey
	if o.Key != "" && o.Key != key {
		return nil, fmt.Errorf("the receipt is of a log with another key: it names %s, and you asked for %s", key, o.Key)
	}
	head, more, err := openNote(p.Checkpoint, key)
	if err != nil {
		return nil, err
	}
	cosigned, err := cosignatures(more, p.Extra.Witnesses, o)
	if err != nil {
		return nil, err
	}
	event, err := ParseEvent(p.Extra.Payload)
	if err != nil {
		return nil, err
	}
	r := &Receipt{
		Event: event, Payload: p.Extra.Payload, Cosigned: cosigned,
		Origin: head.Origin, Size: head.Size, Root: head.Root, Index: p.Index, Key: key, Pinned: o.Key != "",
	}
	commitment := Commit(p.Extra.EntryKey, p.Extra.Payload)
	entry := Entry(commitment)
	if b := p.Extra.Bulk; b != nil {
		if r.Bulk, err = b.check(commitment); err != nil {
			return nil, err
		}
		entry = b.Entry
	}
	if !included(p.Path, head.Size, head.Root, p.Index, tlog.RecordHash(entry)) {
		return nil, errors.New("the event is not in the log at the place the receipt names")
	}
	return r, nil
}

// included checks an inclusion proof.
func included(hashes [][32]byte, size int64, root [32]byte, index int64, leaf tlog.Hash) bool {
	path := make(tlog.RecordProof, len(hashes))
	for i, h := range hashes {
		path[i] = h
	}
	return index < size && tlog.CheckRecord(path, size, root, index, leaf) == nil
}

// Format writes the proof as the text that Parse reads.
func (p *Proof) Format() ([]byte, error) {
	extra, err := p.Extra.marshal()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(header)+base64.StdEncoding.EncodedLen(len(extra))+45*len(p.Path)+len(p.Checkpoint)+64)
	b = base64.StdEncoding.AppendEncode(append(append(b, header...), "extra "...), extra)
	b = append(strconv.AppendInt(append(b, "\nindex "...), p.Index, 10), '\n')
	for i := range p.Path {
		b = append(base64.StdEncoding.AppendEncode(b, p.Path[i][:]), '\n')
	}
	return append(append(b, '\n'), p.Checkpoint...), nil
}

// Parse reads a receipt without checking what it claims.
func Parse(data []byte) (*Proof, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("too long for a receipt: %d bytes, and no receipt has more than %d", len(data), maxSize)
	}
	text, ok := strings.CutPrefix(string(data), header)
	if !ok {
		return nil, fmt.Errorf("not a receipt: the first line is not %q", strings.TrimSpace(header))
	}
	body, checkpoint, ok := strings.Cut(text, "\n\n")
	if !ok {
		return nil, errors.New("not a receipt: there is no checkpoint after an empty line")
	}
	lines := strings.Split(body, "\n")
	if len(lines) < 2 || len(lines) > 2+maxPath {
		return nil, errors.New("not a receipt: it needs the lines extra and index, and at most 63 hashes")
	}
	p := &Proof{Checkpoint: []byte(checkpoint)}
	var err error
	if p.Extra, err = parseExtraLine(lines[0]); err != nil {
		return nil, err
	}
	if p.Index, err = parseIndexLine(lines[1]); err != nil {
		return nil, err
	}
	for i, line := range lines[2:] {
		h, ok := decodeHash(line)
		if !ok {
			return nil, fmt.Errorf("line %d is not a hash in base64", i+4)
		}
		p.Path = append(p.Path, h)
	}
	return p, nil
}

func parseExtraLine(line string) (Extra, error) {
	text, ok := strings.CutPrefix(line, "extra ")
	raw, err := decodeBase64(text)
	if !ok || err != nil {
		return Extra{}, errors.New("line 2 is not extra data in base64")
	}
	return unmarshalExtra(raw)
}

func parseIndexLine(line string) (int64, error) {
	text, ok := strings.CutPrefix(line, "index ")
	n, good := parseNumber(text)
	if !ok || !good {
		return 0, errors.New("line 3 is not an index: a number without leading zeros")
	}
	return n, nil
}

// parseNumber reads a decimal in the one way it can be written.
func parseNumber(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == text
}

// decodeBase64 reads standard base64 in the one way it can be written: the
// decoder alone would skip line breaks.
func decodeBase64(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && base64.StdEncoding.EncodeToString(raw) != text {
		err = errors.New("not canonical base64")
	}
	return raw, err
}

func decodeHash(text string) (h [32]byte, ok bool) {
	raw, err := decodeBase64(text)
	if err != nil || len(raw) != len(h) {
		return h, false
	}
	return [32]byte(raw), true
}
