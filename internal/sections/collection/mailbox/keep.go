package mailbox

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// into is the collection that mail is kept in, or nil if none is declared.
func into(now *statement.Edition) *statement.Collection {
	for i := range now.Collect {
		if now.Collect[i].By == "mail" {
			return &now.Collect[i]
		}
	}
	return nil
}

// kept seals a mail as a form is sealed, and returns the path of the receipt; "" if
// no mail is kept.
func (l *letter) kept(ctx context.Context, tx *store.Tx) (string, error) {
	c := into(l.now)
	if c == nil {
		return "", nil
	}
	values, fields := l.values(c)
	who, err := l.s.Vault.Subject(ctx, tx, collection.By(l.now.Statement, values)...)
	if err != nil {
		return "", err
	}
	until := c.Keep.After(tx.Now)
	record, err := l.s.Vault.Put(ctx, tx, who, vault.Record{Collection: c.Name, Version: l.now.Version, Values: values, Expires: until})
	if err != nil {
		return "", err
	}
	entered, err := l.s.Ledger.Record(ctx, tx, who, ledger.Event{About: record, Type: "collected", Clause: l.now.Keeper("collect." + string(c.Name)), Statement: l.now.Version, New: true,
		X: map[string]any{"collection": string(c.Name), "by": "mail", "fields": fields, "record": record.String(), "until": until.UTC().Format(time.DateOnly)}})
	if err != nil {
		return "", err
	}
	if err := tx.Do(ctx, q.Item, record, l.kind, tx.Now); err != nil {
		return "", err
	}
	return page.Base + "/receipt/" + l.s.Ledger.Link(entered), nil
}

// values puts a mail into the fields of a collection, by what they are for: the
// address, the text, and the subject line, which goes before the text where it has
// no field of its own. It returns the names of those that have a value.
func (l *letter) values(c *statement.Collection) (values map[avow.Field]vault.Sealed, names []any) {
	values = map[avow.Field]vault.Sealed{}
	var texts []*statement.Datum
	put := func(d *statement.Datum, text string) {
		if text = cut(text, d.Max); text != "" && d.Store != "token" {
			values[d.Name] = vault.Conceal([]byte(text))
			names = append(names, string(d.Name))
		}
	}
	for _, f := range c.Fields {
		switch d := l.now.Datum(f.Name); {
		case strings.HasPrefix(d.Category, "user.contact.email"):
			put(d, l.From.Text())
		case strings.HasPrefix(d.Category, "user.content"):
			texts = append(texts, d)
		}
	}
	subject, text := l.masked(l.Subject), l.masked(l.Text)
	switch {
	case len(texts) == 1:
		put(texts[0], strings.TrimSpace(subject+"\n\n"+text))
	case len(texts) > 1 && texts[0].Type == "long" && texts[1].Type != "long":
		put(texts[0], text)
		put(texts[1], subject)
	case len(texts) > 1:
		put(texts[0], subject)
		put(texts[1], text)
	}
	return values, names
}

// masked takes out of a text what is never kept.
func (l *letter) masked(text string) string {
	if l.s.Mask == nil {
		return text
	}
	masked := l.s.Mask(text)
	l.lost = l.lost || masked != text
	return masked
}

// cut cuts a text to so many characters.
func cut(text string, most int) string {
	if most <= 0 || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most])
}
