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

// parts are those of the state that the vault keeps.
var vaultParts = [...]store.Part{store.Subjects, store.Indexes, store.Records}

// Against adds what does not fit the state that was kept with each commit. A
// row that was lost, altered or brought back shows here, even if it opens.
func (s *Scanned) Against(kept store.State) []Fault {
	for _, p := range vaultParts {
		if s.State[p] != kept[p] {
			s.fault(Fault{p, "", "the rows are not those that were kept: some were lost, altered or brought back"})
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
	}{{q.ScanSubjects, s.subject}, {q.ScanIndexes, s.anIndex}, {q.ScanRecords, s.record}} {
		if err := tx.Each(ctx, part.query, part.each); err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
	}
	s.step(true)
	return &s.Scanned, nil
}

func (s *scan) step(last bool) {
	if s.progress != nil && (last || s.Rows%1000 == 0) {
		s.progress(s.Rows, max(s.total, s.Rows))
	}
}

func (s *scan) subject(scan func(...any) error) error {
	var id avow.SubjectID
	var epoch int64
	var wrapped []byte
	if err := scan(&id, &epoch, &wrapped); err != nil {
		return err
	}
	s.Rows++
	s.step(false)
	s.State.Add(store.Subjects, s.subjectRow(id, epoch, wrapped))
	who, err := s.unwrap(id, epoch, wrapped)
	if err != nil {
		s.fault(Fault{store.Subjects, id.String(), "has a key that does not open"})
		return nil
	}
	who.key.Clear()
	return nil
}

func (s *scan) anIndex(scan func(...any) error) error {
	var digest [16]byte
	var leadsTo avow.SubjectID
	var subject []byte
	if err := scan(&digest, &leadsTo, &subject); err != nil {
		return err
	}
	s.Rows++
	s.step(false)
	s.State.Add(store.Indexes, s.indexRow(digest, leadsTo))
	if subject == nil {
		s.fault(Fault{store.Indexes, hex.EncodeToString(digest[:]), "leads to nobody"})
	}
	return nil
}

func (s *scan) record(scan func(...any) error) error {
	var r row
	var epoch *int64
	var wrapped []byte
	if err := scan(&r.ID, &r.Subject, &r.Collection, &r.Version, &r.collected, &r.expires, &r.sealed, &epoch, &wrapped); err != nil {
		return err
	}
	s.Rows++
	s.step(false)
	s.State.Add(store.Records, s.recordRow(&r))
	if epoch == nil {
		s.fault(Fault{store.Records, r.ID.String(), "is nobody's"})
		return nil
	}
	if !s.deep {
		return nil
	}
	who, err := s.unwrap(r.Subject, *epoch, wrapped)
	if err != nil {
		return nil // said of the subject already
	}
	defer who.key.Clear()
	plain, err := who.key.Open(r.sealed, recordPlace(r.ID, r.Subject, r.Version))
	defer clear(plain)
	if err != nil {
		s.fault(Fault{store.Records, r.ID.String(), "does not open"})
	}
	return nil
}
