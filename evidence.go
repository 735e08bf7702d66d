package avow

import "time"

// Standing says how a promise stands today.
type Standing string

// A promise is kept while its proof holds, broken when its proof failed, and
// untested while nothing has tried it yet. Aspirations and information bind
// nobody and have no proof.
const (
	Kept        Standing = "kept"
	Broken      Standing = "broken"
	Untested    Standing = "untested"
	Aspiration  Standing = "aspiration"
	Information Standing = "information"
)

// Evidence is what a promise can show the public, live.
type Evidence struct {
	Clause   ClauseID
	Standing Standing
	Says     string    // one sentence: what was looked at and what was found
	At       time.Time // when it was looked at
	Figures  []Figure  // live numbers, most telling first
	Entry    *int64    // index of the public log entry that proves it, if one does
}

// A Figure is one live number of an Evidence.
type Figure struct {
	Name  string
	Value string
}
