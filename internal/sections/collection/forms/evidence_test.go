package forms

import (
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

func TestReceiptsStanding(t *testing.T) {
	now := &statement.Edition{Statement: new(statement.Statement)}
	for _, c := range []struct {
		taken, issued int64
		want          avow.Standing
	}{{0, 0, avow.Untested}, {3, 3, avow.Kept}, {3, 2, avow.Broken}, {0, 1, avow.Kept}} {
		if got := receipts(now, c.taken, c.issued).Standing; got != c.want {
			t.Errorf("%d taken and %d issued is %s, want %s", c.taken, c.issued, got, c.want)
		}
	}
}
