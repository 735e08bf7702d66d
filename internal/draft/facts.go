package draft

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/wording"
)

var (
	reMail   = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._%+-]{0,60}@[A-Za-z0-9-]{1,60}(?:\.[A-Za-z0-9-]{1,60}){0,4}\.[A-Za-z]{2,24}`)
	reHidden = regexp.MustCompile(`(?i)([a-z0-9._-]{1,60}) ?[\[({] ?(?:at|ät|arobase|arroba) ?[\])}] ?([a-z0-9-]{1,60}) ?(?:[\[({] ?(?:dot|punkt|point|punto) ?[\])}]|\.) ?([a-z]{2,24})\b`)
	reHost   = regexp.MustCompile(`(?i)(?:https?://|\bwww\.)[a-z0-9.-]{3,200}|\b[a-z0-9-]{2,60}\.(?:com|org|net|edu|gov|io|app|co|eu|uk|de|fr|es|at|ch|ca|us|info|example)(?:\.[a-z]{2})?\b`)
	reWho    = regexp.MustCompile(`(?:^|[^\pL])((?:\p{Lu}[\pL\d&.'’/-]*|(?:of|and|für|und|de|du|des|la|y|et|the|\d+|&) )[\pL\d&.,'’ /-]{0,70}?) ?\((?:[^()]{0,40}[“”"„'‘«]|the Company|hereinafter|[\p{Lu}][\pL&. ]{1,40}\))`)
)

// mails returns the addresses in text.
func mails(text string) []string {
	list := reMail.FindAllString(text, -1)
	for _, m := range reHidden.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1]+"@"+m[2]+"."+m[3])
	}
	return list
}

// findAddresses looks for the address of questions, the one to opt out with,
// and the site.
func (d *drafter) findAddresses() {
	hosts := map[string]int{}
	best := 0
	for _, s := range d.sentences {
		addresses := mails(s.Text)
		for _, r := range s.Runs {
			if strings.HasPrefix(strings.ToLower(r.Href), "mailto:") {
				addresses = append(addresses, mails(r.Href)...)
			}
			if u, err := url.Parse(r.Href); err == nil && u.Host != "" {
				count(hosts, u.Host, 1)
			}
		}
		for _, a := range addresses {
			weight := 1
			if s.Has("contact.us") || s.Kind == "questions" {
				weight += 2
			}
			if wording.OneOf([]string{"privacy*", "datenschutz*", "dpo*", "rgpd*", "lopd*", "dataprotection*", "privacidad*", "donnees*"}, strings.ToLower(a)) {
				weight += 4
			}
			if weight > best && !d.foreign(a[strings.Index(a, "@")+1:]) {
				best, d.Contact, d.contactLine = weight, a, s.Line
			}
			if s.Has("optout") && !s.Has("thirdsite") && d.OptOut == "" {
				d.OptOut = a
			}
			count(hosts, a[strings.Index(a, "@")+1:], 2)
		}
		for _, h := range reHost.FindAllString(reMail.ReplaceAllString(s.Text, " "), -1) {
			count(hosts, h, 2)
			if s.Line <= d.TitleLine+12 {
				count(hosts, h, 2)
			}
		}
	}
	for _, h := range reHost.FindAllString(d.Aside, -1) {
		count(hosts, h, 3)
	}
	if u, err := url.Parse(d.doc.URL); err == nil && u.Host != "" {
		count(hosts, u.Host, 50)
	}
	d.Site = d.bestHost(hosts)
}

// count adds to the weight of a host, written in any way.
func count(hosts map[string]int, text string, weight int) {
	h := strings.ToLower(text)
	h = strings.TrimPrefix(strings.TrimPrefix(h, "https://"), "http://")
	h = strings.Trim(strings.TrimRight(h, ".-"), ".-")
	if strings.Contains(h, ".") && !strings.Contains(h, "..") && reOrigin.MatchString(h) {
		hosts[h] += weight
	}
}

var reOrigin = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,24}$`)

// bestHost returns the host that is most likely the company's own, with www in
// front if that is how the policy writes it.
func (d *drafter) bestHost(hosts map[string]int) string {
	own := map[string]int{}
	for h, n := range hosts {
		if !d.foreign(h) {
			own[strings.TrimPrefix(h, "www.")] += n
		}
	}
	best := ""
	for h, n := range own {
		label, _, _ := strings.Cut(h, ".")
		if d.Name != "" && strings.Contains(strings.ReplaceAll(wording.Fold(d.Name), " ", ""), label) {
			own[h] = n + 20
		}
		if best == "" || own[h] > own[best] || own[h] == own[best] && h < best {
			best = h
		}
	}
	if hosts["www."+best] > 0 {
		return "www." + best
	}
	return best
}

func (d *drafter) foreign(host string) bool {
	host = strings.TrimPrefix(strings.ToLower(host), "www.")
	return slices.ContainsFunc(outline.Known().Foreign, func(f string) bool { return host == f || strings.HasSuffix(host, "."+f) })
}

// findName looks for the name of the company: what carries a company's ending,
// what is defined as "we", what the page or its title is called.
func (d *drafter) findName() {
	found := map[string]int{}
	add := func(name string, weight int) {
		name = strings.Trim(strings.Join(strings.Fields(name), " "), " ,.;:–—-|·")
		if last := name[strings.LastIndexByte(name, ' ')+1:]; slices.Contains([]string{"Inc", "Ltd", "Co", "Corp"}, last) || strings.Contains(last, ".") {
			name += "."
		}
		list := wording.Words(name)
		first, _ := utf8.DecodeRuneInString(name)
		if n := len(list); n == 0 || n > 8 || len(name) > 70 || utf8.RuneCountInString(name) < 2 || d.lexicon.Stops(list[n-1]) ||
			!unicode.IsUpper(first) && !unicode.IsDigit(first) || d.lexicon.Tells("title", name) > 0 ||
			!slices.ContainsFunc(list, func(w string) bool { return !d.lexicon.Stops(w) && !slices.Contains(outline.Known().Generic, w) }) {
			return
		}
		found[name] += weight
	}
	n := 0
	for _, s := range d.sentences {
		if n++; n > 3000 {
			break
		}
		for _, name := range companies(s.Text) {
			add(name, 4)
		}
		if n < 12 {
			add(d.actor(s.Text), 3)
		}
		if m := reWho.FindStringSubmatch(s.Text[:min(len(s.Text), 600)]); m != nil && n < 40 {
			add(lastName(m[1], d.lexicon), 6)
		}
	}
	add(d.doc.Site, 5)
	for _, title := range []string{d.doc.Title, textOf(d.Title)} {
		for _, part := range strings.FieldsFunc(title, func(r rune) bool { return strings.ContainsRune("|–—·:»«-", r) }) {
			add(part, 3)
			add(d.withoutTitle(part), 3)
		}
	}
	for name := range found {
		if found[name] > found[d.Name] || found[name] == found[d.Name] && (len(name) > len(d.Name) || len(name) == len(d.Name) && name < d.Name) {
			d.Name = name
		}
	}
}

// actor returns the name at the start of a sentence such as "Blue Kite
// respects your privacy".
func (d *drafter) actor(text string) string {
	list := strings.Fields(text[:min(len(text), 200)])
	for n, w := range list {
		if first, _ := utf8.DecodeRuneInString(w); !unicode.IsUpper(first) && !unicode.IsDigit(first) {
			if n > 0 && n < 6 && slices.Contains(outline.Known().Acts, w) && !slices.Contains(outline.Known().Leads, strings.ToLower(list[0])) {
				return strings.Join(list[:n], " ")
			}
			break
		}
	}
	return ""
}

// withoutTitle returns "Blue Kite" for "Blue Kite Privacy Policy" and for
// "Privacy Policy of the Blue Kite".
func (d *drafter) withoutTitle(text string) string {
	list := strings.Fields(text)
	for n := 1; n+1 < len(list); n++ {
		if d.lexicon.Tells("title", strings.Join(list[:n], " ")) > 0 && d.lexicon.Stops(wording.Fold(list[n])) {
			for n++; n < len(list)-1 && d.lexicon.Stops(wording.Fold(list[n])); n++ {
			}
			return strings.Join(list[n:], " ")
		}
	}
	for n := 1; n < len(list); n++ {
		if d.lexicon.Match(wording.Words(strings.Join(list[n:], " ")), 0)["title"] >= 2 && d.lexicon.Match(wording.Words(strings.Join(list[:n], " ")), 0)["title"] == 0 {
			return strings.TrimSuffix(strings.TrimSuffix(strings.Join(list[:n], " "), "'s"), "’s")
		}
	}
	return ""
}

// lastName returns the capitalised words at the end of text.
func lastName(text string, l *wording.Lexicon) string {
	list := strings.Fields(text)
	from := len(list)
	for n := len(list) - 1; n >= 0; n-- {
		first, _ := utf8.DecodeRuneInString(list[n])
		if unicode.IsUpper(first) || unicode.IsDigit(first) {
			if !(n == 0 && l.Stops(wording.Fold(list[n]))) {
				from = n
			}
		} else if !wording.OneOf([]string{"of", "and", "&", "für", "und", "de", "du", "des", "la", "y", "et", "the"}, list[n]) {
			break
		}
		if strings.ContainsAny(list[n][len(list[n])-1:], ".;:") && n < len(list)-1 && !slices.Contains(outline.Known().Companies, strings.TrimRight(list[n], ".,")) {
			break
		}
	}
	return strings.Join(list[from:], " ")
}

// endsCompany says whether a word ends the names of companies; long ones may be
// written in capitals.
func endsCompany(w string) bool {
	return slices.ContainsFunc(outline.Known().Companies, func(c string) bool {
		return w == c || len(c) > 3 && w == strings.ToUpper(c)
	})
}

// companies returns the names in text that end as companies' do.
func companies(text string) []string {
	var out []string
	list := strings.Fields(text)
	for n, w := range list {
		if n == 0 || !endsCompany(strings.TrimRight(w, ".,;:)(")) {
			continue
		}
		from := n
		for k := n - 1; k >= 0 && n-k <= 6; k-- {
			first, _ := utf8.DecodeRuneInString(strings.TrimLeft(list[k], `"“(„«`))
			if k == 0 && k < n-1 && slices.Contains(outline.Known().Leads, strings.ToLower(list[k])) {
				break
			}
			joins := wording.OneOf([]string{"&", "of", "and", "und", "et", "y", "de"}, list[k])
			if !unicode.IsUpper(first) && !unicode.IsDigit(first) && (!joins || k == 0) || k < n-1 && strings.ContainsAny(list[k][len(list[k])-1:], ".;:()") {
				break
			}
			if !joins {
				from = k
			}
			if first == '"' || strings.HasPrefix(list[k], "(") {
				break
			}
		}
		if from < n && (n-from > 1 || !slices.Contains(outline.Known().Leads, strings.ToLower(list[from]))) {
			out = append(out, strings.Trim(strings.Join(list[from:n+1], " "), `"“”„«»()`))
		}
	}
	return out
}

// findUpdated looks for the date of the policy: the one that stands beside a
// word such as "updated", near the top or the end.
func (d *drafter) findUpdated() {
	best, n, lead := 0, 0, 0
	for _, s := range d.sentences {
		n++
		told := s.Tells("updated")
		if told == 0 {
			told = lead
		}
		if lead = 0; len(s.Words) < 5 {
			lead = s.Tells("updated") // the date may stand in a line of its own
		}
		list, unsure := d.lexicon.Dates(s.Text[:min(len(s.Text), 400)])
		if len(list) == 0 {
			continue
		}
		weight := told * 2
		if n <= 12 {
			weight += 2
		}
		if len(s.Words) < 9 {
			weight += 2
		}
		if date := list[len(list)-1]; weight > best && weight >= 3 && !d.opts.Today.Before(date) {
			best, d.Updated, d.updatedLine, d.unsure = weight, date, s.Line, unsure
		}
	}
}

// shortName is the first word of the company's name, as a policy calls it.
func (d *drafter) shortName() string {
	first, _, _ := strings.Cut(d.Name, " ")
	return first
}
