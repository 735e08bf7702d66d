package tend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// Token is avow token.
type Token struct {
	Add    TokenAdd    `cmd:"" help:"Make a token for a program."`
	List   TokenList   `cmd:"" help:"List the tokens that were made."`
	Revoke TokenRevoke `cmd:"" help:"End a token."`
}

// TokenAdd is avow token add.
type TokenAdd struct {
	running
	Name       string   `arg:"" help:"Who it is for, such as shop."`
	For        []string `help:"The purposes it may ask for; all if not given." placeholder:"PURPOSE"`
	Collection []string `help:"The collections it may touch; all if not given." placeholder:"NAME"`
	May        []string `help:"What it may do: ${enum}." enum:"collect,read,correct,erase,export,import,publish" default:"read" placeholder:"WHAT"`
	Days       int      `help:"How long it is good for; for ever if not given." placeholder:"N"`
}

// Help is what avow token add --help says more.
func (*TokenAdd) Help() string {
	return `Makes a token by which a program is known on the private address. It may do no more than it was made for, and the
statement is asked all the same. It is printed once, alone on standard output; the house keeps only its hash.

  avow token add shop --may collect,read --for deliver --collection order
  avow token add newsletter --for news --days 90 > /run/secrets/newsletter-token`
}

// Run runs avow token add.
func (c *TokenAdd) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	t := client.Token{Name: c.Name, May: c.May}
	for _, p := range c.For {
		t.Purposes = append(t.Purposes, avow.Purpose(p))
	}
	for _, name := range c.Collection {
		t.Collections = append(t.Collections, avow.Collection(name))
	}
	if c.Days > 0 {
		t.Expires = w.Clock().Add(time.Duration(c.Days) * 24 * time.Hour)
	}
	made, err := house.NewToken(context.Background(), token, t)
	if err != nil {
		return err
	}
	fmt.Fprintln(w.Stdout, made.Token)
	fmt.Fprintf(w.Stderr, "made %s for %s; it is shown this once\n", made.ID, c.Name)
	return nil
}

// TokenList is avow token list.
type TokenList struct {
	running
	JSON bool `name:"json" help:"Print the result as JSON."`
}

// Help is what avow token list --help says more.
func (*TokenList) Help() string {
	return `Lists the tokens that were made, with what each may do. The tokens themselves are kept nowhere.

  avow token list
  avow token list --json

The JSON is an array of objects with id, name, purposes, collections, may, created, expires, revoked and refused.`
}

// Run runs avow token list.
func (c *TokenList) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	tokens, err := house.Tokens(context.Background(), token)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(w.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(append([]client.Token{}, tokens...))
	}
	t := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tname\tmay\tfor\tcollections\tuntil\trefused\t")
	for _, k := range tokens {
		until := "for ever"
		switch {
		case k.Revoked:
			until = "revoked"
		case !k.Expires.IsZero():
			until = k.Expires.Format(time.DateOnly)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", k.ID, world.Printable(k.Name), strings.Join(k.May, ","), all(k.Purposes), all(k.Collections), until, k.Refused)
	}
	return t.Flush()
}

func all[S ~string](names []S) string {
	if len(names) == 0 {
		return "all"
	}
	text := make([]string, len(names))
	for i, n := range names {
		text[i] = string(n)
	}
	return strings.Join(text, ",")
}

// TokenRevoke is avow token revoke.
type TokenRevoke struct {
	running
	Name string `arg:"" help:"The token, by its id or the name it was made for."`
}

// Help is what avow token revoke --help says more.
func (*TokenRevoke) Help() string {
	return `Ends a token at once. Whoever still uses it is refused, and avow token list says how often.

  avow token revoke shop`
}

// Run runs avow token revoke.
func (c *TokenRevoke) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	tokens, err := house.Tokens(context.Background(), token)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.ID != c.Name && t.Name != c.Name {
			continue
		}
		if err := house.Revoke(context.Background(), token, t.ID); err != nil {
			return err
		}
		fmt.Fprintln(w.Stdout, "revoked", t.ID)
		return nil
	}
	return errors.New("there is no token of that id or name: see avow token list")
}
