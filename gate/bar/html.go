package bar

import (
	"bytes"
	"html"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// hole stands in what is made in advance where the visitor's place comes in.
const hole = "\x00"

func escape(s string) string { return html.EscapeString(s) }

// appendAt appends made with at, escaped, in its hole.
func appendAt(dst, made []byte, at string) []byte {
	before, after, _ := bytes.Cut(made, []byte(hole))
	dst = append(dst, before...)
	for i := 0; i < len(at); i++ {
		switch c := at[i]; c {
		case '"':
			dst = append(dst, "&#34;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, after...)
}

// opening is the element that holds what there is to see. Without a style, a
// dialog stands over the page by what browsers do by themselves.
func (b *Bar) opening(bare bool, rest string) (string, string) {
	lang := ` lang="` + b.words["lang"] + `" dir="ltr" `
	if bare {
		return `<dialog open` + lang + rest + `>`, `</dialog>`
	}
	return `<section` + lang + rest + `>`, `</section>`
}

// question asks about all offers.
func (b *Bar) question(s *statement.Statement, bare bool) []byte {
	open, shut := b.opening(bare, `id="avow" aria-labelledby="avow-q"`)
	w := b.words
	var h strings.Builder
	h.WriteString(open + `<form name="avow" method="post" action="` + b.base + `/choices"><input type="hidden" name="back" value="` + hole + `">`)
	h.WriteString(`<b id="avow-q">` + w.with(b.asked(), escape(site(s))) + `</b>`)
	h.WriteString(`<button name="choice" value="no" aria-label="` + escape(w["close"]) + `">×</button><ul>`)
	lasting := keeps(s, w)
	on := false
	for _, o := range b.offers {
		h.WriteString(`<li><b>` + escape(o.For) + `</b> `)
		if o.OptOut {
			h.WriteString(w["on"] + ` `)
			on = true
		}
		h.WriteString(`<span>` + escape(strings.Join(append(o.Hosts[:len(o.Hosts):len(o.Hosts)], named(o.Cookies, lasting, w)...), ", ")) + `</span></li>`)
	}
	h.WriteString(`</ul><p>`)
	if !on {
		h.WriteString(w["hint"] + ` `)
	}
	h.WriteString(w["closing"] + ` <button form="avow-to">` + w["statement"] + `</button></p>`)
	h.WriteString(`<div><button name="choice" value="no">` + w["no"] + `</button> <button name="choice" value="yes">` + w["yes"] + `</button></div>`)
	b.preferences(&h)
	h.WriteString(`</form><form id="avow-to" action="` + b.base + `"></form>` + shut)
	return []byte(h.String())
}

// preferences is what lets one say yes to some. With one offer there is nothing
// to choose but yes and no.
func (b *Bar) preferences(h *strings.Builder) {
	if len(b.offers) < 2 {
		return
	}
	h.WriteString(`<details><summary>` + b.words["choose"] + `</summary>`)
	for _, o := range b.offers {
		h.WriteString(`<label><input type="checkbox" name="offer" value="` + escape(o.Name) + `"> <b>` + escape(o.For) + `</b></label>`)
	}
	h.WriteString(`<button name="choice" value="some">` + b.words["save"] + `</button></details>`)
}

// asked is the question that fits: about parts, cookies, or both.
func (b *Bar) asked() string {
	var parts, cookies bool
	for _, o := range b.offers {
		parts = parts || len(o.Hosts) > 0
		cookies = cookies || len(o.Cookies) > 0
	}
	switch {
	case parts && cookies:
		return "both"
	case cookies:
		return "cookies"
	}
	return "parts"
}

// site is what the site is called: its host.
func site(s *statement.Statement) string {
	if len(s.Organisation.Site) == 0 {
		return s.Organisation.Name
	}
	_, host, _ := strings.Cut(s.Organisation.Site[0], "://")
	return host
}

// keeps is how long each cookie stays, in words.
func keeps(s *statement.Statement, w words) map[string]string {
	all := map[string]string{}
	for _, c := range s.Cookies {
		all[c.Name] = w.period(c.Keep)
	}
	return all
}

func named(cookies []string, lasting map[string]string, w words) (all []string) {
	for _, name := range cookies {
		text := w["cookie"] + " " + name
		if lasting[name] != "" {
			text += " (" + lasting[name] + ")"
		}
		all = append(all, text)
	}
	return all
}

// period says how long, in the words of the statement's language.
func (w words) period(keep string) string {
	if keep == "session" {
		return w["session"]
	}
	if _, err := avow.ParsePeriod(keep); err != nil {
		return keep
	}
	digits := strings.IndexFunc(keep, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 1 {
		return keep
	}
	unit := strings.TrimSuffix(strings.TrimSpace(keep[digits:]), "s")
	if unit == "h" {
		unit = "hour"
	}
	if keep[:digits] != "1" {
		unit += "s"
	}
	return keep[:digits] + " " + w[unit]
}

// going is a button that goes to a page. It would be a link, but for this: what
// checks pages knows the link that skips to the content by standing before all
// links to other pages, and the bar stands before it.
func (b *Bar) going(word, path string) string {
	return `<form action="` + b.base + path + `"><button>` + b.words[word] + `</button></form>`
}

func (b *Bar) link(word, path string) string {
	return `<a href="` + b.base + path + `">` + escape(b.words[word]) + `</a>`
}

// savedOnly are the attributes that show a note only at its fragment. With a
// style that is done by the style.
var savedOnly = [2]string{`data-at`, `hidden="until-found"`}

// savedNote says that a choice was saved, and where to change it.
func (b *Bar) savedNote(bare bool) []byte {
	i := 0
	if bare {
		i = 1
	}
	return []byte(`<div id="` + Saved + `" lang="` + b.words["lang"] + `" dir="ltr" tabindex="-1" role="status" ` + savedOnly[i] + `>` +
		b.words["saved"] + ` ` + b.going("change", "/choices") + `</div>`)
}

// honouredNote says that the signal was honoured, as 11 CCR 7025(c)(6) has it
// shown. It can be folded away, and is small enough to stay.
func (b *Bar) honouredNote(to string) []byte {
	return []byte(`<details id="avow-gpc" open lang="` + b.words["lang"] + `" dir="ltr"><summary aria-label="` + escape(b.words["signal"]) + `">✓</summary>` +
		`<div role="status">` + to + `</div></details>`)
}

// waitingForm is what the buttons of placeholders send. It lies outside of the
// page's own forms, which would swallow it.
func (b *Bar) waitingForm() []byte {
	return []byte(`<form id="avow-more" name="avow" method="post" action="` + b.base + `/choices" hidden><input type="hidden" name="choice" value="more">` +
		`<input type="hidden" name="back" value="` + hole + `"></form>`)
}

// appendInvitation leads to the choices, for a page whose policy lets it send no
// forms.
func (b *Bar) appendInvitation(dst []byte) []byte {
	return append(dst, `<section id="avow" lang="`+b.words["lang"]+`" dir="ltr" aria-label="`+escape(b.words["choices"])+`"><p>`+b.link("choices", "/choices")+`</p></section>`...)
}
