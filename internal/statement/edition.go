package statement

import (
	"time"

	"github.com/avow-privacy/avow"
)

// An Edition is a published version of a statement. It is never changed.
type Edition struct {
	*Statement
	Version   avow.Version
	Published time.Time
	Class     string // first, wording, narrower or wider, compared with the version before
	Leaf      int64  // index of the public log entry that announced it
}
