package changes

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// Evidence shows that each change was dated, that nothing of the history was
// lost, and what stays under which version.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	pins, err := s.Pins.ByVersion(ctx)
	if err != nil {
		return nil, err
	}
	rows := s.editionRows()
	return []avow.Evidence{s.datedEvidence(now, rows), s.historyEvidence(now, rows), s.pinnedEvidence(now, pins)}, nil
}

func (s *Section) datedEvidence(now *statement.Edition, rows []edition) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("changes.date"), Standing: avow.Kept, Entry: &now.Leaf,
		Says:    fmt.Sprintf("Each of the %d published versions carries a date of its own, entered in the public log.", len(rows)),
		Figures: []avow.Figure{{Name: "version in force", Value: strconv.Itoa(int(now.Version))}, {Name: "updated", Value: now.Updated.String()}}}
	for i := 1; i < len(rows); i++ { // newest first
		if rows[i-1].text != rows[i].text && rows[i-1].updated.Before(rows[i].updated) {
			e.Standing, e.Says = avow.Broken, fmt.Sprintf("Version %d is dated before version %d.", rows[i-1].version, rows[i].version)
		}
	}
	return e
}

func (s *Section) historyEvidence(now *statement.Edition, rows []edition) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("changes.history"), Standing: avow.Kept,
		Says:    "Every version can be read, and its text has the hash that was entered in the public log when it was published.",
		Figures: []avow.Figure{{Name: "versions readable", Value: strconv.Itoa(len(rows))}}}
	for i, row := range rows {
		if sha256.Sum256(row.source) != row.text || int(row.version) != len(rows)-i {
			e.Standing, e.Says = avow.Broken, fmt.Sprintf("The text of version %d is not the one that was published.", row.version)
		}
	}
	return e
}

func (s *Section) pinnedEvidence(now *statement.Edition, pins map[avow.Version]int) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("changes.pinned"), Standing: avow.Kept,
		Says: "Every record names the version it was collected under, and a use must be allowed by that version and by the one in force."}
	for v := avow.Version(1); v <= now.Version; v++ {
		e.Figures = append(e.Figures, avow.Figure{Name: fmt.Sprintf("records under version %d", v), Value: strconv.Itoa(pins[v])})
		delete(pins, v)
	}
	if len(pins) > 0 {
		e.Standing, e.Says = avow.Broken, "Some records name a version that was never published."
	}
	return e
}
