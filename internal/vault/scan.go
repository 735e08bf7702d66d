package vault

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

// A Fault is a row, or a whole part of the state, that is not as it was kept.
type Fault struct {
	Part store.Part
	ID   string // the row's; "" for the part as a whole
	What string
}

func (f Fault) String() string {
	if f.ID == "" {
		return fmt.Sprintf("%s: %s", f.Part, f.What)
	}
	return fmt.Sprintf("%s: %s %s", f.Part, f.ID, f.What)
}

// A Scanned is what a scan found.
type Scanned struct {
	State  store.State // of subjects, indexes and records, as the tables have them
	Rows   int64
	Faults []Fault // at most MaxFaults
	Found  int64   // how many there were
}

// MaxFaults bounds how many faults a scan names.
const MaxFaults = 100

// Unlike is what is wrong with a part of the state as a whole.
const Unlike = "the rows are not those that were kept: some were lost, altered or brought back"

// vaultParts are those of the state that the vault keeps.
var vaultParts = [...]store.Part{store.Subjects, store.Indexes, store.Records}

// Against adds what does not fit the state that was kept with each commit. A
// row that was lost, altered or brought back shows here, even if it opens.
func (s *Scanned) Against(kept store.State) []Fault {
	for _, p := range vaultParts {
		if s.State[p] != kept[p] {
			s.fault(Fault{p, "", Unlike})
		}
	}
	return s.Faults
}

func (s *Scanned) fault(f Fault) {
	if s.Found++; len(s.Faults) < MaxFaults {
		s.Faults = append(s.Faults, f)
	}
}

// A scan goes once through all rows of the vault.
type scan struct {
	*Vault
	Scanned
	deep     bool
	total    int64
	progress func(done, total int64)
}

// Scan reads all rows, sums them up as the state does, and tries to open every
// key and, if deep, every record. progress may be nil. The rows are those of
// one moment if tx is a view.
func (v *Vault) Scan(ctx context.Context, tx *store.Tx, deep bool, progress func(done, total int64)) (*Scanned, error) {
	s := &scan{Vault: v, deep: deep, progress: progress}
	if err := tx.Get(ctx, q.CountRows, &s.total); err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	for _, part := range []struct {
		query string
		each  func(func(...any) error) error
	}{{q.ScanSubjects, s.subject}, {q.ScanIndexes, s.index}, {q.ScanRecords, s.record}} {
		if err := tx.Each(ctx, part.query, part.each); err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
	}
	if progress != nil {
		progress(s.Rows, s.Rows)
	}
	return &s.Scanned, nil
}

func (s *scan) row() {
	if s.Rows++; s.progress != nil && s.Rows%1000 == 0 {
		s.progress(s.Rows, max(s.total, s.Rows))
	}
}

// Whoever altered a row may have given it an id that is none. So ids are read as
// they stand here, and what does not fit is a fault and no error.

func (s *scan) subject(scan func(...any) error) error {
	var id, wrapped []byte
	var epoch int64
	if err := scan(&id, &epoch, &wrapped); err != nil {
		return err
	}
	s.row()
	if len(id) != 16 {
		s.fault(Fault{store.Subjects, hex.EncodeToString(id), "is no id"})
		return nil
	}
	s.State.Add(store.Subjects, s.subjectRow(avow.SubjectID(id), epoch, wrapped))
	who, err := s.unwrap(avow.SubjectID(id), epoch, wrapped)
	if err != nil {
		s.fault(Fault{store.Subjects, avow.SubjectID(id).String(), "has a key that does not open"})
		return nil
	}
	who.key.Clear()
	return nil
}

func (s *scan) index(scan func(...any) error) error {
	var digest, leadsTo, subject []byte
	if err := scan(&digest, &leadsTo, &subject); err != nil {
		return err
	}
	s.row()
	name := hex.EncodeToString(digest)
	switch {
	case len(digest) != 16 || len(leadsTo) != 16:
		s.fault(Fault{store.Indexes, name, "is no index"})
		return nil
	case subject == nil:
		s.fault(Fault{store.Indexes, name, "leads to nobody"})
	}
	s.State.Add(store.Indexes, s.indexRow([16]byte(digest), avow.SubjectID(leadsTo)))
	return nil
}

func (s *scan) record(scan func(...any) error) error {
	var r row
	var id, subject, wrapped []byte
	var epoch int64
	if err := scan(&id, &subject, &r.Collection, &r.Version, &r.collected, &r.expires, &r.sealed, &epoch, &wrapped); err != nil {
		return err
	}
	s.row()
	if len(id) != 16 || len(subject) != 16 {
		s.fault(Fault{store.Records, hex.EncodeToString(id), "is no record"})
		return nil
	}
	r.ID, r.Subject = avow.RecordID(id), avow.SubjectID(subject)
	s.State.Add(store.Records, s.recordRow(&r))
	switch {
	case epoch == 0: // they count from 1
		s.fault(Fault{store.Records, r.ID.String(), "is nobody's"})
	case s.deep:
		s.try(&r, epoch, wrapped)
	}
	return nil
}

// try opens a record. If it is its subject's key that does not open, that was
// said of the subject.
func (s *scan) try(r *row, epoch int64, wrapped []byte) {
	who, err := s.unwrap(r.Subject, epoch, wrapped)
	if err != nil {
		return
	}
	defer who.key.Clear()
	plain, err := who.key.Open(r.sealed, recordPlace(r.ID, r.Subject, r.Version))
	if err != nil {
		s.fault(Fault{store.Records, r.ID.String(), "does not open"})
	}
	clear(plain)
}
