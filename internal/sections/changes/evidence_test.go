package changes

import (
	"crypto/sha256"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// TestHistoryStanding spoils a history in each way that the evidence looks for.
func TestHistoryStanding(t *testing.T) {
	now := &statement.Edition{Statement: new(statement.Statement), Version: 2}
	row := func(v avow.Version, text string, day int) edition {
		return edition{version: v, source: []byte(text), text: sha256.Sum256([]byte(text)), updated: avow.Date{Year: 2026, Month: 11, Day: day}}
	}
	whole := func() []edition { return []edition{row(2, "two", 2), row(1, "one", 1)} } // newest first
	for _, c := range []struct {
		name           string
		spoil          func(rows []edition) []edition
		dated, history avow.Standing
	}{
		{"whole", func(rows []edition) []edition { return rows }, avow.Kept, avow.Kept},
		{"a text altered", func(rows []edition) []edition { rows[1].source = []byte("uno"); return rows }, avow.Kept, avow.Broken},
		{"a version gone", func(rows []edition) []edition { return rows[:1] }, avow.Kept, avow.Broken},
		{"a date that went back", func(rows []edition) []edition { rows[0].updated.Month = 10; return rows }, avow.Broken, avow.Kept},
	} {
		s, rows := new(Section), c.spoil(whole())
		if got := s.datedEvidence(now, rows).Standing; got != c.dated {
			t.Errorf("%s: dated is %s, want %s", c.name, got, c.dated)
		}
		if got := s.historyEvidence(now, rows).Standing; got != c.history {
			t.Errorf("%s: history is %s, want %s", c.name, got, c.history)
		}
	}
}

func TestPinnedStanding(t *testing.T) {
	now := &statement.Edition{Statement: new(statement.Statement), Version: 2}
	if got := new(Section).pinnedEvidence(now, map[avow.Version]int{1: 3, 2: 1}).Standing; got != avow.Kept {
		t.Errorf("records under known versions: %s", got)
	}
	if got := new(Section).pinnedEvidence(now, map[avow.Version]int{3: 1}).Standing; got != avow.Broken {
		t.Errorf("a record under a version never published: %s", got)
	}
}
