//go:build linux

package faults_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
)

// hold holds what a running house has to what was acknowledged:
//
//   - its log is sound as a whole, signed by the house's key, and goes on from
//     every checkpoint that anybody holds;
//   - each acknowledged form has its own entry in it, the one its receipt says;
//   - each acknowledged form can be read, once, as it was sent;
//   - nothing can be read that nobody sent;
//   - there is an entry for each record and none without one.
//
// It returns what the log holds. More says how many entries about persons there
// are beside those of forms, or is anyMore.
func (a *account) hold(t testing.TB, h *house, p *process, more int64) *receipt.LogReport {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	report, err := a.holdLog(p)
	if err != nil {
		t.Fatal(err)
	}
	records, err := readAll(p, h.token(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range a.compare(records) {
		t.Error(fault)
	}
	if have := report.Kinds["e"] - more; more != anyMore && have != int64(len(records)) {
		t.Errorf("the log has %d entries of forms, and %d records can be read", have, len(records))
	}
	return report
}

// anyMore stands for a number of further entries that is not known.
const anyMore = -1 << 40

// holdLog checks the log and each receipt against it.
func (a *account) holdLog(p *process) (*receipt.LogReport, error) {
	newest, faults := []byte(nil), error(nil)
	size := int64(-1)
	roots := map[int64][32]byte{} // by size, as they were signed
	byIndex := map[int64]string{}
	entries := map[int64][]byte{}
	for message, got := range a.taken {
		r, err := receipt.Verify([]byte(got.receipt), receipt.Options{})
		if err != nil {
			return nil, fmt.Errorf("the receipt of %s: %w", message, err)
		}
		if other, twice := byIndex[r.Index]; twice {
			faults = errors.Join(faults, fmt.Errorf("%s and %s were told the same place, %d", message, other, r.Index))
		}
		byIndex[r.Index] = message
		proof, err := receipt.Parse([]byte(got.receipt))
		if err != nil {
			return nil, err
		}
		entries[r.Index] = receipt.Entry(receipt.Commit(proof.Extra.EntryKey, r.Payload))
		if other, ok := roots[r.Size]; ok && other != r.Root {
			faults = errors.Join(faults, fmt.Errorf("two roots were signed for the size %d", r.Size))
		}
		roots[r.Size] = r.Root
		if r.Size > size {
			size, newest = r.Size, proof.Checkpoint
		}
	}
	key, err := p.fetch("vkey")
	if err != nil {
		return nil, err
	}
	report, err := receipt.CheckLog(p.fetch, receipt.LogOptions{Key: string(bytes.TrimSpace(key)), Old: newest})
	if err != nil {
		return nil, errors.Join(faults, fmt.Errorf("the log does not hold: %w", err))
	}
	found := int64(0)
	var grown tree
	err = eachEntry(p, report.Size, func(i int64, entry []byte) {
		grown.add(entry)
		if root, ok := roots[i+1]; ok && root != grown.root() {
			faults = errors.Join(faults, fmt.Errorf("at the size %d the log was signed with another root", i+1))
		}
		if want := entries[i]; want != nil && bytes.Equal(want, entry) {
			found++
		} else if want != nil {
			faults = errors.Join(faults, fmt.Errorf("entry %d is not the one that %s was told of", i, byIndex[i]))
		}
	})
	if lost := int64(len(entries)) - found; lost != 0 {
		faults = errors.Join(faults, fmt.Errorf("of %d acknowledged entries %d are not in the log of %d", len(entries), lost, report.Size))
	}
	return report, errors.Join(err, faults)
}

// A tree is a Merkle tree that grows, as RFC 6962 has it: the hashes of its full
// subtrees, from the largest down.
type tree struct {
	size int64
	edge [][32]byte
}

func (e *tree) add(entry []byte) {
	e.edge = append(e.edge, tlog.RecordHash(entry))
	for n := e.size; n&1 == 1; n >>= 1 {
		e.join()
	}
	e.size++
}

// join makes one subtree of the last two.
func (e *tree) join() {
	last := len(e.edge) - 1
	e.edge = append(e.edge[:last-1], tlog.NodeHash(e.edge[last-1], e.edge[last]))
}

func (e *tree) root() [32]byte {
	all := tree{edge: slices.Clone(e.edge)}
	for len(all.edge) > 1 {
		all.join()
	}
	return all.edge[0]
}

// eachEntry calls fn for every entry of the log that p serves.
func eachEntry(p *process, size int64, fn func(index int64, entry []byte)) error {
	for first := int64(0); first < size; first += 256 {
		width := min(256, size-first)
		bundle, err := p.fetch(receipt.Tile{Level: receipt.Entries, N: first / 256, Width: int(width)}.Path())
		if err != nil {
			return err
		}
		for i := range width {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry %d is cut off", first+i)
			}
			n := 2 + int(binary.BigEndian.Uint16(bundle))
			fn(first+i, bundle[2:n])
			bundle = bundle[n:]
		}
	}
	return nil
}

// readAll reads every message that came in by the contact form, as staff do.
func readAll(p *process, token string) (records []client.Record, err error) {
	c, err := client.New(p.private)
	if err != nil {
		return nil, err
	}
	query := client.Query{Collection: "contact", Purpose: "reply", Actor: "fault suite", Limit: 1000}
	for {
		page, err := c.Read(ctx, token, query)
		if err != nil {
			return nil, fmt.Errorf("read what came in: %w", err)
		}
		records = append(records, page.Records...)
		if page.Next == "" {
			return records, nil
		}
		query.After = page.Next
	}
}

// compare holds what can be read to what was sent and acknowledged.
func (a *account) compare(records []client.Record) (faults []error) {
	readable := map[string]string{}
	for _, r := range records {
		message := r.Values[avow.Field("message")]
		if !a.sent[message] {
			faults = append(faults, fmt.Errorf("record %s was invented: nobody sent it", r.ID))
		}
		if a.denied[message] {
			faults = append(faults, fmt.Errorf("message %s is in %s, and whoever sent it was told that it was not kept", message, r.ID))
		}
		if first, twice := readable[message]; twice {
			faults = append(faults, fmt.Errorf("message %s is there twice, as %s and as %s", message, first, r.ID))
		}
		readable[message] = r.ID
	}
	for message, got := range a.taken {
		r, err := receipt.Verify([]byte(got.receipt), receipt.Options{})
		switch {
		case err != nil:
			faults = append(faults, err)
		case readable[message] == "":
			faults = append(faults, fmt.Errorf("message %s was acknowledged and is lost", message))
		case readable[message] != r.Event.X["record"]:
			faults = append(faults, fmt.Errorf("message %s is in %s, and its receipt names %v", message, readable[message], r.Event.X["record"]))
		}
	}
	return faults
}
