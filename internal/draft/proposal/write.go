package proposal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/wording"
)

// FrontMatter writes the rules as YAML, between its two lines.
func (s *Set) FrontMatter() string {
	var w strings.Builder
	fmt.Fprintf(&w, "---\nstatement: 1\nlanguage: %s\norganisation:\n", s.Language)
	fmt.Fprintf(&w, "  name: %s\n  site: [%s]\n  contact: %s\n", quote(s.Name), quote("https://"+s.Site), quote(s.Contact))
	fmt.Fprintf(&w, "updated: %s\n", s.Updated)
	s.writeData(&w)
	s.writeCollections(&w)
	s.writeOutsiders(&w)
	if names := s.Names("never"); names != nil {
		fmt.Fprintf(&w, "\nnever: [%s]\n", strings.Join(names, ", "))
	}
	w.WriteString("\n")
	s.writeSections(&w)
	if len(s.Open) > 0 {
		w.WriteString("\n# What only you can answer. The lines are those of the policy. Answer one, then take it off the list.\nopen:\n")
		for _, q := range s.Open {
			fmt.Fprintf(&w, "  - {line: %d, ask: %s}\n", q.Line, quote(q.Ask))
		}
	}
	w.WriteString("---\n")
	return w.String()
}

func (s *Set) writeData(w *strings.Builder) {
	heading := "\ndata:\n"
	for _, f := range Rules().Fields {
		if !s.Has("data." + f.Name) {
			continue
		}
		fmt.Fprintf(w, "%s  %s: {category: %s, say: %s%s%s%s%s}\n", heading, f.Name, f.Category, quote(s.lexicon().Fields[f.Name]),
			option("type", f.Type), option("max", f.Max), option("index", f.Index), option("store", f.Store))
		heading = ""
	}
	heading = "\npurposes:\n"
	for _, p := range Rules().Purposes {
		if !s.Has("purposes." + p.Name) {
			continue
		}
		fmt.Fprintf(w, "%s  %s: {say: %s, basis: %s%s}\n", heading, p.Name, quote(s.lexicon().Purposes[p.Name]), p.Basis, option("channel", p.Channel))
		heading = ""
	}
}

func option(key string, value any) string {
	if text := fmt.Sprint(value); text != "" && text != "0" {
		return ", " + key + ": " + text
	}
	return ""
}

func (s *Set) writeCollections(w *strings.Builder) {
	heading := "\ncollect:\n"
	for _, c := range Rules().Collections {
		if !s.Has("collect." + c.Name) {
			continue
		}
		by := ""
		if c.By != "" {
			by = "by: " + c.By + ", "
		}
		fmt.Fprintf(w, "%s  %s: {%ssay: %s, fields: [%s], for: [%s], keep: %s}\n", heading, c.Name, by, quote(s.lexicon().Forms[c.Name]),
			strings.Join(s.fields(c), ", "), strings.Join(s.purposes(c), ", "), s.keep(c))
		heading = ""
	}
}

// keep is how long a collection is kept: as the policy says, or as proposed.
func (s *Set) keep(c Collection) string {
	if p := s.Periods["collect."+c.Name]; p != "" {
		return p
	}
	return c.Keep
}

// writeOutsiders writes cookies, trackers and recipients.
func (s *Set) writeOutsiders(w *strings.Builder) {
	say := func(purpose string) string { return quote(s.lexicon().Purposes[purpose]) }
	heading := "\ncookies:\n"
	if s.Has("cookies.session") {
		fmt.Fprintf(w, "%s  session: {for: %s, keep: session, necessary: true}\n", heading, say("operate"))
		heading = ""
	}
	for _, c := range Rules().Cookies {
		if s.Has("cookies." + c.Name) {
			necessary := map[bool]string{true: ", necessary: true"}[c.Necessary]
			fmt.Fprintf(w, "%s  %s: {for: %s, keep: %s%s}\n", heading, c.Name, say(c.For), c.Keep, necessary)
			heading = ""
		}
	}
	heading = "\ntrackers:\n"
	for _, t := range Rules().Trackers {
		if s.Has("trackers." + t.Host) {
			fmt.Fprintf(w, "%s  %s: {for: %s, consent: opt-in}\n", heading, t.Host, say(t.For))
			heading = ""
		}
	}
	heading = "\nrecipients:\n"
	for _, r := range Rules().Recipients {
		if s.Has("recipients." + r.Name) {
			fields, purposes := s.given(r.Fields), s.among(r.For)
			fmt.Fprintf(w, "%s  %s: {say: %s, fields: [%s], for: [%s]}\n", heading, r.Name, quote(s.lexicon().Recipient[r.Name]), strings.Join(fields, ", "), strings.Join(purposes, ", "))
			heading = ""
		}
	}
}

// given returns those of the fields that are collected, or the first that are.
func (s *Set) given(wanted []string) []string {
	var out, first []string
	for _, f := range Rules().Fields {
		if s.Has("data."+f.Name) && f.By == "" {
			if slices.Contains(wanted, f.Name) {
				out = append(out, f.Name)
			}
			if len(first) < 3 {
				first = append(first, f.Name)
			}
		}
	}
	if out == nil {
		return first
	}
	return out
}

// among returns those of the purposes that are proposed.
func (s *Set) among(wanted []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(p string) bool { return !s.Has("purposes." + p) })
}

// writeSections writes the rules that a section of the statement has once.
func (s *Set) writeSections(w *strings.Builder) {
	one := func(path, format string, args ...any) {
		if s.Has(path) {
			fmt.Fprintf(w, format+"\n", args...)
		}
	}
	one("children", "children: {under: %d, methods: [email-plus], freeze: 0h, erase: 24h}", s.Under)
	one("disclosure", "disclosure: {grounds: [%s], notice: after, approvers: 2}", strings.Join(s.Grounds, ", "))
	one("optout", "optout: {address: %s, within: %s}", quote(s.OptOut), s.Within)
	one("signals", "signals: {gpc: honour}")
	one("popular", "popular: {hide-under: 10, keep: 24 months}")
	one("links", "links: {label: true, register: true}")
	part := func(key string, values map[string]string) {
		var list []string
		for _, name := range s.Names(key) {
			list = append(list, name+": "+values[name])
		}
		if list != nil {
			fmt.Fprintf(w, "%s: {%s}\n", key, strings.Join(list, ", "))
		}
	}
	part("security", map[string]string{"keys": "per-subject", "log": "public", "staff": "yearly", "drills": "monthly"})
	part("changes", map[string]string{"date": "on-change", "history": "permanent", "pinned": "true", "notice": s.Notice})
	part("acceptance", map[string]string{"notice": "recorded"})
	one("questions", "questions: {answer: %s}", s.Reply)
}

var rePlain = regexp.MustCompile(`^[\pL][\pL\d '’./@_-]*[\pL\d.]$`)

// quote writes a text as a YAML scalar that can stand in braces.
func quote(text string) string {
	if rePlain.MatchString(text) && !wording.OneOf([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, strings.ToLower(text)) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
