package world

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/avow-privacy/avow/client"
)

// maxShown is how many lines are named.
const maxShown = 20

// Suppress stops letters to a list of addresses, and says what became of it: by
// number, never by what stands there.
func Suppress(w *World, house *client.Client, token string, in io.Reader, of client.Suppressions) error {
	done, err := house.Suppress(context.Background(), token, in, of, nil)
	if done.Taken > 0 || err == nil {
		fmt.Fprintf(w.Stdout, "letters to %s are stopped\n", addresses(done.Taken))
	}
	if err != nil {
		return err
	}
	if len(done.Bad) == 0 {
		return nil
	}
	named := make([]string, 0, maxShown)
	for _, n := range done.Bad[:min(len(done.Bad), maxShown)] {
		named = append(named, fmt.Sprint(n))
	}
	text := strings.Join(named, ", ")
	if more := len(done.Bad) - maxShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	fmt.Fprintf(w.Stdout, "%s without an e-mail address: %s\n", Count(len(done.Bad), "line"), text)
	return ErrFound
}

func addresses(n int) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}
