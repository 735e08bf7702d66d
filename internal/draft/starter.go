package draft

import (
	_ "embed"
	"strings"

	"github.com/avow-privacy/avow"
)

//go:embed starter.md
var starter string

// Starter returns a short statement to begin with, for who has no policy yet.
func Starter(today avow.Date) []byte {
	return []byte(strings.Replace(starter, "{{today}}", today.String(), 1))
}
