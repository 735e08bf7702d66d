package promises

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
)

// told is a section that says what it was told to say.
type told struct {
	evidence []avow.Evidence
	err      error
	asked    int
}

func (t *told) Evidence(context.Context, *statement.Edition) ([]avow.Evidence, error) {
	t.asked++
	return t.evidence, t.err
}

type inForce struct{ e *statement.Edition }

func (f inForce) InForce() *statement.Edition { return f.e }

func promisesOf(sections ...Evidence) (*Promises, *time.Time) {
	e := &statement.Edition{Statement: &statement.Statement{Clauses: []statement.Clause{
		{ID: "one", Force: statement.Promise}, {ID: "two", Force: statement.Promise},
		{ID: "aim", Force: statement.Aspiration}, {Force: statement.Information},
	}}}
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	return New(Deps{Pages: pages, Editions: inForce{e}, Sections: sections, Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}), &now
}

func says(clause avow.ClauseID, s avow.Standing) avow.Evidence {
	return avow.Evidence{Clause: clause, Standing: s, Figures: []avow.Figure{{Name: "n", Value: "1"}}}
}

// TestWorstCounts: a promise that rests on several rules stands as the worst of
// them does, whoever speaks first, and nobody turns an aim into a promise.
func TestWorstCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		said []avow.Evidence
		want map[avow.ClauseID]avow.Standing
	}{
		{"nobody speaks", nil, map[avow.ClauseID]avow.Standing{"one": avow.Untested, "aim": avow.Aspiration}},
		{"kept", []avow.Evidence{says("one", avow.Kept)}, map[avow.ClauseID]avow.Standing{"one": avow.Kept, "two": avow.Untested}},
		{"kept, then broken", []avow.Evidence{says("one", avow.Kept), says("one", avow.Broken)}, map[avow.ClauseID]avow.Standing{"one": avow.Broken}},
		{"broken, then kept", []avow.Evidence{says("one", avow.Broken), says("one", avow.Kept)}, map[avow.ClauseID]avow.Standing{"one": avow.Broken}},
		{"untested, then kept", []avow.Evidence{says("one", avow.Untested), says("one", avow.Kept)}, map[avow.ClauseID]avow.Standing{"one": avow.Untested}},
		{"an aim that says it is kept", []avow.Evidence{says("aim", avow.Kept)}, map[avow.ClauseID]avow.Standing{"aim": avow.Aspiration}},
		{"a clause that there is not", []avow.Evidence{says("three", avow.Broken), says("", avow.Broken)}, map[avow.ClauseID]avow.Standing{"one": avow.Untested, "three": avow.Information}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := promisesOf(&told{evidence: c.said})
			of, _ := p.Standings(t.Context())
			for clause, want := range c.want {
				if got := of(clause); got != want {
					t.Errorf("%s is %s, want %s", clause, got, want)
				}
			}
		})
	}
}

// TestNoEvidenceIsNoProof: when a section cannot answer, nothing is kept.
func TestNoEvidenceIsNoProof(t *testing.T) {
	p, now := promisesOf(&told{evidence: []avow.Evidence{says("one", avow.Kept)}})
	if of, _ := p.Standings(t.Context()); of("one") != avow.Kept {
		t.Fatal("one is not kept to begin with")
	}
	p.Sections = append(p.Sections, &told{err: errors.New("no")})
	*now = now.Add(time.Minute)
	if of, _ := p.Standings(t.Context()); of("one") != avow.Untested {
		t.Errorf("one is %s", of("one"))
	}
}

// TestAskedNowAndThen: a busy page does not make the server test itself busily.
func TestAskedNowAndThen(t *testing.T) {
	section := &told{}
	p, now := promisesOf(section)
	for range 5 {
		p.Standings(t.Context())
	}
	if section.asked != 1 {
		t.Errorf("asked %d times at once", section.asked)
	}
	*now = now.Add(time.Minute)
	p.Standings(t.Context())
	if section.asked != 2 {
		t.Errorf("asked %d times in a minute", section.asked)
	}
}
