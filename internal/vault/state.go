package vault

import (
	"encoding/binary"

	"github.com/avow-privacy/avow"
)

// A row is a record as it stands in its table.
type row struct {
	Header
	collected, expires int64 // as they stand there, to the microsecond
	sealed             []byte
}

func (r *row) scan(scan func(...any) error) error {
	return scan(&r.ID, &r.Subject, &r.Collection, &r.Version, &r.collected, &r.expires, &r.sealed)
}

// What the state sums up of a row are the table and all columns.

func (v *Vault) subjectRow(id avow.SubjectID, epoch int64, wrapped []byte) [32]byte {
	n := number(epoch)
	return v.keys.Row(subjectTable, id[:], n[:], wrapped)
}

func (v *Vault) indexRow(digest [16]byte, id avow.SubjectID) [32]byte {
	return v.keys.Row(indexTable, digest[:], id[:])
}

func (v *Vault) recordRow(r *row) [32]byte {
	version, collected, expires := number(int64(r.Version)), number(r.collected), number(r.expires)
	return v.keys.Row(recordTable, r.ID[:], r.Subject[:], []byte(r.Collection), version[:], collected[:], expires[:], r.sealed)
}

var subjectTable, indexTable, recordTable = []byte("vault_subject"), []byte("vault_index"), []byte("vault_record")

func number(n int64) (b [8]byte) {
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return b
}
