package promises

import (
	"fmt"
	"net/http"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
)

// Routes are the pages of the promises.
func (p *Promises) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET " + page.Base + "/promises", Handle: p.all},
		{Pattern: "GET " + page.Base + "/promises.json", Handle: p.json},
		{Pattern: "GET " + page.Base + "/promises/{clause}", Handle: p.one},
	}
}

// A chapter is the promises under one heading.
type chapter struct {
	Title    string
	ID       string
	Promises []Promise
}

type overview struct {
	*Account
	Chapters []chapter
}

func (p *Promises) all(w http.ResponseWriter, r *http.Request) error {
	a, err := p.Account(r.Context())
	if err != nil {
		return err
	}
	v := overview{Account: a}
	for i, s := range a.Edition.Sections {
		c := chapter{Title: s.Title, ID: s.ID}
		for _, promise := range a.Promises {
			if under(a.Edition, i, promise.Clause) {
				c.Promises = append(c.Promises, promise)
			}
		}
		if c.Promises != nil {
			v.Chapters = append(v.Chapters, c)
		}
	}
	return p.set.Write(w, r, "promises.html", page.View{Title: "Every promise, with its proof", Here: "promises", Data: v})
}

// under says whether c stands under the i-th heading of e.
func under(e *statement.Edition, i int, c *statement.Clause) bool {
	last := i+1 == len(e.Sections)
	return c.At.Line > e.Sections[i].At.Line && (last || c.At.Line < e.Sections[i+1].At.Line)
}

type onePromise struct {
	Promise
	Edition *statement.Edition
	Rules   []statement.Rule
}

func (p *Promises) one(w http.ResponseWriter, r *http.Request) error {
	a, err := p.Account(r.Context())
	if err != nil {
		return err
	}
	i, ok := a.index[avow.ClauseID(r.PathValue("clause"))]
	if !ok {
		return page.NotFound
	}
	v := onePromise{Promise: a.Promises[i], Edition: a.Edition}
	for _, rule := range a.Edition.Rules {
		for _, path := range v.Keeps {
			if rule.Under(path) {
				v.Rules = append(v.Rules, rule)
			}
		}
	}
	return p.set.Write(w, r, "promise.html", page.View{Title: fmt.Sprintf("Promise: %s", v.ID), Here: "promises", Data: v})
}

// The JSON form of an account. It is documented in docs/json.md, and stable.
type accountJSON struct {
	Organisation string                `json:"organisation"`
	Version      avow.Version          `json:"version"`
	Updated      string                `json:"updated"`
	At           time.Time             `json:"at"`
	RuleHash     string                `json:"rule_hash"`
	Counts       map[avow.Standing]int `json:"counts"`
	Promises     []promiseJSON         `json:"promises"`
}

type promiseJSON struct {
	ID       avow.ClauseID     `json:"id"`
	Section  string            `json:"section"`
	Text     string            `json:"text"`
	Keeps    []string          `json:"keeps"`
	Standing avow.Standing     `json:"standing"`
	Says     string            `json:"says"`
	At       time.Time         `json:"at"`
	Figures  map[string]string `json:"figures"`
	Entry    *int64            `json:"entry,omitempty"`
}

func (p *Promises) json(w http.ResponseWriter, r *http.Request) error {
	a, err := p.Account(r.Context())
	if err != nil {
		return err
	}
	out := accountJSON{Organisation: a.Edition.Organisation.Name, Version: a.Edition.Version, Updated: a.Edition.Updated.String(),
		At: a.At, RuleHash: fmt.Sprintf("%x", a.Edition.RuleHash), Counts: a.Counts}
	for _, q := range a.Promises {
		j := promiseJSON{ID: q.ID, Section: q.Section, Text: q.Text, Keeps: q.Keeps, Standing: q.Standing, Says: q.Says,
			At: q.Evidence.At, Entry: q.Entry, Figures: map[string]string{}}
		if j.Keeps == nil {
			j.Keeps = []string{}
		}
		for _, f := range q.Figures {
			j.Figures[f.Name] = f.Value
		}
		out.Promises = append(out.Promises, j)
	}
	return page.WriteJSON(w, http.StatusOK, out)
}
