package receipt

import (
	"encoding/base64"
	"errors"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"
)

// A Bulk says how an event stands in an entry that many events share.
type Bulk struct {
	Entry []byte     // as it stands in the log: a fact of kind b
	Index int64      // the event's place among them, from 0
	Path  [][32]byte // hashes from the commitment's sibling to the root's child
}

// bulkFields are the members of bulk, in canonical order.
type bulkFields struct {
	Entry string `json:"entry"`
	Index int64  `json:"index"`
	Path  string `json:"path"`
}

func (b *Bulk) fields() *bulkFields {
	path := make([]byte, 0, 32*len(b.Path))
	for _, h := range b.Path {
		path = append(path, h[:]...)
	}
	return &bulkFields{string(b.Entry), b.Index, base64.StdEncoding.EncodeToString(path)}
}

func (f *bulkFields) parse() (b *Bulk, ok bool) {
	path, err := decodeBase64(f.Path)
	if err != nil || len(path)%32 != 0 || len(path) > 32*maxPath {
		return nil, false
	}
	b = &Bulk{Entry: []byte(f.Entry), Index: f.Index}
	for ; len(path) > 0; path = path[32:] {
		b.Path = append(b.Path, [32]byte(path))
	}
	return b, true
}

// maxBulk is the most events that share an entry. Numbers beyond are not the
// same in every reader of JSON.
const maxBulk = 1 << 53

var errBulk = errors.New("the event is not in the bulk that the receipt names")

// BulkRoot is what an entry says that many events share: how many, and the root
// over their commitments.
func BulkRoot(entry []byte) (n int64, root [32]byte, ok bool) {
	var e struct {
		K    string `json:"k"`
		N    int64  `json:"n"`
		Root string `json:"root"`
	}
	if kind, ok := EntryKind(entry); !ok || kind != "b" || json.Unmarshal(entry, &e) != nil {
		return 0, root, false
	}
	root, ok = decodeHash(e.Root)
	return e.N, root, ok && e.N > 0 && e.N <= maxBulk
}

// check says how many events the entry is of, if this commitment is of one.
func (b *Bulk) check(commitment [32]byte) (n int64, err error) {
	n, root, ok := BulkRoot(b.Entry)
	if !ok || b.Index < 0 || !included(b.Path, n, root, b.Index, tlog.RecordHash(commitment[:])) {
		return 0, errBulk
	}
	return n, nil
}
