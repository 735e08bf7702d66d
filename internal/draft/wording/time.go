package wording

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/avow-privacy/avow"
)

// A sentence ends at a mark of its end, whatever closes after it, and a space,
// if a new one can begin there.
var reEnd = regexp.MustCompile(`[.!?…]["'”’»)\]]*\s+`)

// Sentences divides text and returns where each sentence but the last ends.
func (l *Lexicon) Sentences(text string) []int {
	var ends []int
	for _, m := range reEnd.FindAllStringIndex(text, -1) {
		if text[m[0]] == '.' && l.goesOn(text[max(0, m[0]-40):m[0]], text[m[1]:]) {
			continue
		}
		ends = append(ends, m[1])
	}
	return ends
}

var reSite = regexp.MustCompile(`^[a-z0-9-]+\.[a-z]{2,}[a-z.]* `)

// goesOn says whether a sentence goes on after a full stop: after an
// abbreviation, an initial or an ordinal, or before a small letter.
func (l *Lexicon) goesOn(before, after string) bool {
	last := before[strings.LastIndexFunc(before, unicode.IsSpace)+1:]
	last = strings.ToLower(strings.TrimLeft(last, `("'“‘[«`))
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(after[:min(len(after), 20)], `"'“‘(«[*`))
	if last == "no" || last == "nos" {
		return unicode.IsDigit(next)
	}
	if reSite.MatchString(after[:min(len(after), 60)]) {
		return false // a sentence may begin with the name of a site
	}
	if unicode.IsLower(next) || strings.Contains(last, ".") && !strings.Contains(last, "@") && len(last) < 8 || len(before) <= 3 && strings.Trim(before, "0123456789") == "" {
		return true
	}
	if utf8.RuneCountInString(last) == 1 && last != "i" {
		return unicode.IsLetter(rune(last[0])) || unicode.IsDigit(rune(last[0])) && l.Day == "dmy"
	}
	return slices.Contains(l.Short, last) || strings.HasSuffix(last, "str") || l.Day == "dmy" && len(last) <= 2 && strings.Trim(last, "0123456789") == ""
}

// Number returns the number that a word says.
func (l *Lexicon) Number(word string) (int, bool) {
	if n, ok := l.Numbers[word]; ok {
		return n, true
	}
	n, err := strconv.Atoi(word)
	return n, err == nil && len(word) <= 4 && n > 0
}

// Period returns the first length of time in words, as avow.ParsePeriod reads
// it, such as "24 months", and whether there is another.
func (l *Lexicon) Period(words []string) (first string, more bool) {
	for at, w := range words {
		n, ok := l.Number(w)
		if !ok || n > 999 {
			continue
		}
		// The unit may follow the number in words and figures, or an
		// adjective: "thirty (30) calendar days".
		for _, u := range words[min(at+1, len(words)):min(at+4, len(words))] {
			unit, ok := l.units[u]
			if !ok {
				continue
			}
			name := unitNames[unit]
			if n == 1 {
				name = strings.TrimSuffix(name, "s")
			}
			p := fmt.Sprintf("%d %s", n, name)
			if first != "" && p != first {
				return first, true
			}
			first = p
			break
		}
	}
	return first, false
}

var (
	reISO    = regexp.MustCompile(`\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b`)
	reDigits = regexp.MustCompile(`\b(\d{1,2})[./-] ?(\d{1,2})[./-] ?(\d{4}|\d{2})\b`)
	reMonth  = regexp.MustCompile(`(?:^|\s)(0?[1-9]|1[0-2])/(\d{4})\b`)
	reSpoken = regexp.MustCompile(`(?i)(?:\b(\d{1,2})(?:st|nd|rd|th|er|º|\.)?,? ?(?:day of |of |de |del )?)?\b([\pL]{3,12})\.?(?: de| del)?,? ?(?:(\d{1,2})(?:st|nd|rd|th)?,? (?:de |of )?)?(\d{4})\b`)
)

// Dates returns the days named in text, and whether the first could be read in
// two ways.
func (l *Lexicon) Dates(text string) (out []avow.Date, unsure bool) {
	add := func(year, month, day string) {
		y, _ := strconv.Atoi(year)
		m, err := strconv.Atoi(month)
		if err != nil {
			m = l.months[Fold(month)]
		}
		d, _ := strconv.Atoi(day)
		if y < 100 {
			y += 2000
		}
		date, err := avow.ParseDate(avow.Date{Year: y, Month: time.Month(m), Day: max(d, 1)}.String())
		if err == nil && y >= 1995 {
			out = append(out, date)
		}
	}
	for _, m := range reISO.FindAllStringSubmatch(text, 4) {
		add(m[1], m[2], m[3])
	}
	for _, m := range reDigits.FindAllStringSubmatch(text, 4) {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[2])
		if b > 12 || l.Day == "mdy" && !strings.Contains(m[0], ".") && a <= 12 {
			unsure = unsure || len(out) == 0 && b <= 12 && a != b
			add(m[3], m[1], m[2])
		} else {
			add(m[3], m[2], m[1])
		}
	}
	for _, m := range reMonth.FindAllStringSubmatch(text, 4) {
		add(m[2], m[1], "1")
	}
	for _, m := range reSpoken.FindAllStringSubmatch(text, 4) {
		if l.months[Fold(m[2])] > 0 {
			add(m[4], m[2], m[1]+m[3])
		}
	}
	return out, unsure
}
