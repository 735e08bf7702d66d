package statement

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/front"
	"github.com/avow-privacy/avow/internal/statement/source"
	"github.com/avow-privacy/avow/internal/statement/words"
)

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	cookiePattern   = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
	hostPattern     = regexp.MustCompile(`^(\*\.)?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*(:[0-9]{1,5})?$`)
	mailPattern     = regexp.MustCompile(`^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}\.[^\s@<>"]{1,63}$`)
	categoryPattern = regexp.MustCompile(`^(user|system)(\.[a-z][a-z0-9_]*)*$`)
	languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	contractPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// rules reads the front matter.
func (c *compiler) rules(top *yaml.Node) {
	m := front.Open("the front matter", &yaml.Node{Line: 1, Column: 1}, top, c.wrong)
	m.Need("statement", "write statement: 1 on the first line")
	m.Choice("statement", "1", "1")
	c.Language = m.Word("language", "en", languagePattern, "en or de-CH")
	if c.lexicon = words.In(c.Language); !c.lexicon.Known {
		c.add(place(m.Get("language")), len(c.Language), Note, "language", "look for promises outside spans yourself; binding words are known in "+strings.Join(words.Languages(), ", "),
			"the binding words of %q are not known", c.Language)
	}
	if c.Updated = date(m, "updated"); !m.Has("updated") {
		c.wrong(m.Key, "missing-updated", "say when this text last changed, as in updated: 2026-11-24", "the statement has no date")
	}
	c.organisation(m)
	c.each(m, "data", namePattern, "email", c.datum)
	c.each(m, "purposes", namePattern, "reply", c.purpose)
	c.each(m, "collect", namePattern, "contact", c.collection)
	c.each(m, "cookies", cookiePattern, "basket", c.cookie)
	c.each(m, "trackers", hostPattern, "maps.example", c.tracker)
	c.each(m, "recipients", namePattern, "courier", c.recipient)
	for _, n := range m.Items("never") {
		if n.Kind != yaml.ScalarNode || !namePattern.MatchString(n.Value) {
			c.wrong(n, "bad-value", "write never: [sale, rent, lease]", "never holds %s where a word is expected", front.Name(n))
			continue
		}
		c.Never = append(c.Never, Never{Name: n.Value, At: place(n)})
		c.rule("never."+n.Value, "never", true, n)
	}
	c.singles(m)
	c.parts(m)
	c.open(m)
	m.Close()
	c.names()
}

// each reads a mapping of names, such as data: {email: {…}, name: {…}}.
func (c *compiler) each(top *front.Mapping, key string, name *regexp.Regexp, like string, read func(*front.Mapping, string, Position)) {
	n := top.Get(key)
	if n == nil {
		return
	}
	all := front.Open(key, top.KeyOf(key), n, c.wrong)
	for _, k := range all.Keys {
		if !name.MatchString(k.Value) {
			c.wrong(k, "bad-value", "write it like "+like, "%q is no name in %s", front.Clip(k.Value), key)
			continue
		}
		m := front.Open(key+"."+k.Value, k, all.Get(k.Value), c.wrong)
		read(m, k.Value, place(k))
		m.Close()
		kind := Kind(key)
		switch {
		case key == "collect":
			kind += Kind("." + m.Canon["by"].(string))
		case m.Canon["store"] == "token":
			kind += ".token"
		}
		c.rule(m.Path, kind, m.Canon, k)
	}
}

func (c *compiler) organisation(top *front.Mapping) {
	top.Need("organisation", "say who makes the promises, as in organisation: {name: …, site: […], contact: …}")
	n := top.Get("organisation")
	if n == nil {
		return
	}
	m := front.Open("organisation", top.KeyOf("organisation"), n, c.wrong)
	m.Need("name", "add the name people know it by")
	m.Need("site", "add the origins this covers, as in site: [https://example.org]")
	m.Need("contact", "add the address for questions, as in contact: privacy@example.org")
	c.Organisation = Organisation{Name: m.Text("name", ""), Site: m.List("site"),
		Contact: m.Word("contact", "", mailPattern, "privacy@example.org")}
	for _, site := range c.Organisation.Site {
		u, err := url.Parse(site)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || site != u.Scheme+"://"+u.Host {
			m.Bad(m.Item("site", site), "site", "write it like https://example.org, without a path", "holds %q, which is no origin", front.Clip(site))
		}
	}
	m.Close()
	c.promiser = m.Canon
}

func (c *compiler) datum(m *front.Mapping, name string, at Position) {
	m.Need("category", "add a fideslang category, as in category: user.contact.email")
	d := Datum{Name: avow.Field(name), At: at, Category: m.Word("category", "", categoryPattern, "user.contact.email"),
		Say: m.Text("say", capital(name)), Choices: m.List("choices"), Index: m.Choice("index", "", "exact"),
		Store: m.Choice("store", "sealed", "sealed", "token")}
	d.Type = m.Choice("type", usualType(d), "text", "long", "email", "tel", "number", "date", "choice")
	d.Max = m.Number("max", usualMax[d.Type], 1, 100_000)
	if (d.Type == "choice") != (len(d.Choices) > 0) {
		m.Bad(m.Key, "choices", "write type: choice and choices: [one, two], or neither", "and type do not fit together")
	}
	c.Data = append(c.Data, d)
}

var usualMax = map[string]int{"text": 200, "long": 4000, "email": 254, "tel": 40, "number": 20, "date": 10, "choice": 200}

// usualType is the type of a field that names none.
func usualType(d Datum) string {
	switch {
	case len(d.Choices) > 0:
		return "choice"
	case strings.HasSuffix(d.Category, "contact.email"):
		return "email"
	case strings.HasSuffix(d.Category, "phone_number"):
		return "tel"
	}
	return "text"
}

func capital(name string) string {
	name = strings.NewReplacer("-", " ", "_", " ").Replace(name)
	return strings.ToUpper(name[:1]) + name[1:]
}

func (c *compiler) purpose(m *front.Mapping, name string, at Position) {
	m.Need("say", `complete the words "to …", as in say: answer your question`)
	m.Need("basis", "say what it rests on: request, contract, opt-in, legal-obligation or legitimate-interest")
	p := Purpose{Name: avow.Purpose(name), At: at, Say: m.Text("say", ""), Channel: m.Choice("channel", "", "email", "post", "phone"),
		AtMost: front.Value(m, "at-most", `write how often in which time, as in "2 per year"`, avow.ParseCap)}
	if m.Has("at-most") && p.Channel != "email" {
		c.wrong(m.KeyOf("at-most"), "unmeasurable", "add channel: email, or take at-most away", "only letters by e-mail can be counted")
	}
	if basis := m.Get("basis"); basis != nil && restsOnUse[basis.Value] {
		c.wrong(basis, "acceptance-as-consent", "name what else it rests on, such as opt-in, or drop the purpose",
			"the purpose %s rests on people merely using the site, which is no consent", name)
	} else {
		p.Basis = m.Choice("basis", "", "request", "contract", "opt-in", "legal-obligation", "legitimate-interest", "vital-interest", "public-task")
	}
	c.Purposes = append(c.Purposes, p)
}

var restsOnUse = map[string]bool{"acceptance": true, "use": true, "continued-use": true, "visit": true,
	"browsing": true, "implied": true, "implied-consent": true, "deemed-consent": true}

func (c *compiler) collection(m *front.Mapping, name string, at Position) {
	m.Need("fields", "list what is collected, as in fields: [name, email!]")
	m.Need("for", "name its purposes, as in for: [reply]")
	col := Collection{Name: avow.Collection(name), At: at, Say: m.Text("say", capital(name)),
		By: m.Choice("by", "form", "form", "visit", "mail", "purchase")}
	for _, f := range m.List("fields") {
		field, required := strings.CutSuffix(f, "!")
		col.Fields = append(col.Fields, CollectedField{avow.Field(field), required})
		c.mention(m, "fields", f, field, "data")
	}
	col.For = c.forPurposes(m)
	if !m.Has("keep") {
		c.wrong(m.Key, "retention-missing", "say how long, as in keep: 24 months", "%s does not say how long it keeps what it takes", m.Path)
	}
	col.Keep = period(m, "keep")
	c.Collect = append(c.Collect, col)
}

func (c *compiler) cookie(m *front.Mapping, name string, at Position) {
	m.Need("for", "say what the cookie is for")
	k := Cookie{Name: name, At: at, For: m.Text("for", ""), Necessary: m.Yes("necessary"), Keep: m.Text("keep", "")}
	usual := map[bool]string{true: "none", false: "opt-in"}[k.Necessary]
	if k.Consent = m.Choice("consent", usual, "opt-in", "opt-out", "none"); k.Necessary && k.Consent != "none" {
		c.wrong(m.KeyOf("consent"), "contradiction", "take away necessary or consent", "the cookie %s is necessary, yet asks for consent", name)
	}
	if !m.Has("keep") {
		c.wrong(m.Key, "retention-missing", "write keep: session or a period", "the cookie %s does not say how long it stays", name)
	} else if k.Keep != "session" {
		period(m, "keep")
	}
	c.Cookies = append(c.Cookies, k)
}

func (c *compiler) tracker(m *front.Mapping, host string, at Position) {
	m.Need("for", "say what it is loaded for")
	c.Trackers = append(c.Trackers, Tracker{Host: host, At: at, For: m.Text("for", ""),
		Consent: m.Choice("consent", "opt-in", "opt-in", "opt-out", "none")})
}

func (c *compiler) recipient(m *front.Mapping, name string, at Position) {
	m.Need("fields", "list what they are given, as in fields: [name, address]")
	m.Need("for", "name the purposes, as in for: [deliver]")
	r := Recipient{Name: name, At: at, Say: m.Text("say", capital(name)), OptOut: m.Text("optout", ""),
		Contract: m.Word("contract", "", contractPattern, "sha256: and 64 hexadecimal digits"), Until: date(m, "until")}
	for _, f := range m.List("fields") {
		r.Fields = append(r.Fields, avow.Field(f))
		c.mention(m, "fields", f, f, "data")
	}
	r.For = c.forPurposes(m)
	c.Recipients = append(c.Recipients, r)
}

func (c *compiler) forPurposes(m *front.Mapping) (out []avow.Purpose) {
	for _, p := range m.List("for") {
		out = append(out, avow.Purpose(p))
		c.mention(m, "for", p, p, "purposes")
	}
	return out
}

// single reads a mapping that is one rule as a whole.
func (c *compiler) single(top *front.Mapping, key string, read func(*front.Mapping, Position)) {
	n := top.Get(key)
	if n == nil {
		return
	}
	m := front.Open(key, top.KeyOf(key), n, c.wrong)
	read(m, place(m.Key))
	m.Close()
	c.rule(key, Kind(key), m.Canon, m.Key)
}

func (c *compiler) singles(top *front.Mapping) {
	c.single(top, "children", func(m *front.Mapping, at Position) {
		m.Need("under", "say below which age somebody is a child, as in under: 13")
		c.Children = &Children{At: at, Under: m.Number("under", 13, 2, 25), Freeze: period(m, "freeze"), Erase: period(m, "erase"),
			Methods: m.Choices("methods", "email-plus", "text-plus", "signed-form", "card", "call")}
		if m.Has("erase") && c.Children.Freeze.Longer(c.Children.Erase) {
			c.wrong(m.KeyOf("freeze"), "contradiction", "freeze no later than erase", "what a child gave is frozen later than it is erased")
		}
	})
	c.single(top, "disclosure", func(m *front.Mapping, at Position) {
		m.Need("grounds", "write grounds: [law, rights, safety], or some of them")
		c.Disclosure = &Disclosure{At: at, Grounds: m.Choices("grounds", "law", "rights", "safety"),
			Notice: m.Choice("notice", "after", "after", "none"), Approvers: m.Number("approvers", 2, 1, 9)}
	})
	c.single(top, "signals", func(m *front.Mapping, at Position) {
		c.Signals = &Signals{At: at, GPC: m.Choice("gpc", "", "honour") == "honour"}
	})
	c.single(top, "popular", func(m *front.Mapping, at Position) {
		c.Popular = &Popular{At: at, HideUnder: m.Number("hide-under", 10, 0, 1_000_000), Keep: period(m, "keep")}
	})
	c.single(top, "questions", func(m *front.Mapping, at Position) {
		m.Need("answer", "say how soon people are answered, as in answer: 30 days")
		c.Questions = &Questions{At: at, Answer: period(m, "answer")}
	})
}

// part reads a mapping of which every key that says something is a rule of its
// own; pinned: false says nothing.
func (c *compiler) part(top *front.Mapping, key string, read func(*front.Mapping, Position)) {
	n := top.Get(key)
	if n == nil {
		return
	}
	m := front.Open(key, top.KeyOf(key), n, c.wrong)
	read(m, place(m.Key))
	m.Close()
	for _, k := range m.Keys {
		if v := m.Canon[k.Value]; v != nil && v != "" && v != "false" {
			path := key + "." + k.Value
			c.rule(path, Kind(path), v, k)
		}
	}
}

func (c *compiler) parts(top *front.Mapping) {
	often := []string{"weekly", "monthly", "quarterly", "half-yearly", "yearly"}
	c.part(top, "security", func(m *front.Mapping, at Position) {
		c.Security = &Security{At: at, Keys: m.Choice("keys", "", "per-subject"), Log: m.Choice("log", "", "public"),
			Restore: m.Choice("restore", "", "forgets"),
			Staff:   m.Choice("staff", "", often...), Drills: m.Choice("drills", "", often...)}
	})
	c.part(top, "changes", func(m *front.Mapping, at Position) {
		c.Changes = &Changes{At: at, Date: m.Choice("date", "", "on-change"), History: m.Choice("history", "", "permanent"),
			Pinned: m.Yes("pinned"), Notice: period(m, "notice")}
	})
	c.part(top, "acceptance", func(m *front.Mapping, at Position) {
		c.Acceptance = &Acceptance{At: at, Notice: m.Choice("notice", "", "recorded")}
	})
	c.part(top, "optout", func(m *front.Mapping, at Position) {
		m.Need("address", "name the address to write to")
		m.Need("within", "say how soon letters stop, as in within: 2 days")
		c.OptOut = &OptOut{At: at, Address: m.Word("address", "", mailPattern, "privacy@example.org"), Within: period(m, "within"),
			Confirm: m.Choice("confirm", "", "by-mail"), Stays: m.Choice("stays", "", "stopped"), Topics: m.Choice("topics", "", "each"),
			Elsewhere: m.Choice("elsewhere", "", "listed")}
	})
	c.part(top, "sharing", func(m *front.Mapping, at Position) {
		c.Sharing = &Sharing{At: at, Canaries: m.Number("canaries", 0, 0, 100), Tell: period(m, "tell")}
	})
	c.part(top, "links", func(m *front.Mapping, at Position) {
		c.Links = &Links{At: at, Label: m.Yes("label"), Register: m.Yes("register"), Leaks: m.Choice("leaks", "", "none")}
	})
	c.part(top, "receipts", func(m *front.Mapping, at Position) {
		c.Receipts = &Receipts{At: at, Form: m.Choice("form", "", "every")}
	})
}

// open reads the questions that a draft leaves open.
func (c *compiler) open(top *front.Mapping) {
	for i, n := range top.Items("open") {
		if i == maxOpen {
			c.wrong(n, "bad-value", "answer some of them first", "open holds more than %d questions", maxOpen)
			return
		}
		m := front.Open("open", n, n, c.wrong)
		line, ask := m.Number("line", 0, 0, 1<<20), m.Text("ask", "")
		m.Need("ask", "write the question")
		m.Close()
		if line > 0 {
			ask = fmt.Sprintf("%s (line %d of the policy)", ask, line)
		}
		c.add(place(n), 1, Warning, "open-question", "answer it in the text or the rules, then take it off the list under open", "%s", ask)
	}
}

// rule adds one rule with the canonical form of what was read of it.
func (c *compiler) rule(path string, kind Kind, canon any, at *yaml.Node) {
	if c.Rule(path) != nil {
		c.wrong(at, "duplicate-key", "keep one of them", "%s is written twice", path)
		return
	}
	c.index.rules[path] = len(c.Rules)
	c.Rules = append(c.Rules, Rule{Path: path, Kind: kind, Canonical: string(front.Canonical(canon)), At: place(at)})
}

// A mention is a name used in one rule and declared in another mapping.
type mention struct {
	by, name, kind string
	at             *yaml.Node
}

func (c *compiler) mention(m *front.Mapping, key, item, name, kind string) {
	c.mentions = append(c.mentions, mention{m.Path, name, kind, m.Item(key, item)})
}

// names checks that what the rules mention is declared. It runs last, since
// the front matter has no order that matters.
func (c *compiler) names() {
	known := map[string][]string{}
	for _, r := range c.Rules {
		kind, name, _ := strings.Cut(r.Path, ".")
		known[kind] = append(known[kind], name)
	}
	for _, u := range c.mentions {
		if c.Rule(u.kind+"."+u.name) != nil {
			continue
		}
		fix := fmt.Sprintf("declare %s under %s", front.Clip(u.name), u.kind)
		if len(c.found) < source.Listed { // beyond, nobody reads it, and looking takes time
			fix = front.Suggest(u.name, known[u.kind], fix)
		}
		c.wrong(u.at, "unknown-name", fix, "%s uses %q, which %s does not declare", u.by, front.Clip(u.name), u.kind)
	}
}

func period(m *front.Mapping, key string) avow.Period {
	return front.Value(m, key, `write a number and years, months, weeks, days or hours, as in "24 months"`, avow.ParsePeriod)
}

func date(m *front.Mapping, key string) avow.Date {
	return front.Value(m, key, "write the date as in 2026-11-24", avow.ParseDate)
}

// place is the position of a node.
func place(n *yaml.Node) Position { return Position{Line: max(n.Line, 1), Column: max(n.Column, 1)} }
