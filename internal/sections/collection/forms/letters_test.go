package forms

import (
	"context"
	"fmt"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// asked remembers which addresses were asked.
type asked struct {
	Confirmations
	all []string
}

func (a *asked) Ask(_ context.Context, _ *store.Tx, _ *statement.Edition, _ *statement.Collection, to mail.Address) error {
	a.all = append(a.all, to.Text())
	return nil
}

// TestEveryAddressIsAsked: a form with two addresses has both asked, each once, in
// the order of the form.
func TestEveryAddressIsAsked(t *testing.T) {
	s, found := statement.Compile("statement.md", []byte(`---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
data:
  home: {category: user.contact.email}
  work: {category: user.contact.email.work}
  name: {category: user.name}
purposes:
  news: {say: tell you about new instruments, basis: opt-in, channel: email}
collect:
  newsletter: {fields: [home!, name, work], for: [news], keep: 24 months}
---
# Statement
`), nil)
	if s == nil {
		t.Fatal(found)
	}
	e := &statement.Edition{Version: 1, Statement: s}
	for range 20 {
		for _, c := range []struct{ home, work, want string }{
			{"ada@example.com", "ada@harbour.example", "[ada@example.com ada@harbour.example]"},
			{"ada@example.com", "ADA@example.com", "[ada@example.com]"},
			{"ada@example.com", "", "[ada@example.com]"},
		} {
			all := &asked{}
			values := Values{}
			for f, v := range map[avow.Field]string{"home": c.home, "work": c.work, "name": "eve@example.com"} {
				values[f] = vault.Conceal([]byte(v))
			}
			section := &Section{Deps: Deps{Confirmations: all}}
			if err := section.confirm(t.Context(), nil, Sending{Edition: e, Form: e.Collection("newsletter"), Values: values}, &Taken{}); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(all.all); got != c.want {
				t.Fatalf("%s are asked, want %s", got, c.want)
			}
		}
	}
}
