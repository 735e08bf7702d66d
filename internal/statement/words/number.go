package words

import (
	"strconv"
	"strings"
)

// A Spoken is a number said in words or figures, with its unit if it is a
// length of time: years, months, weeks, days or hours.
type Spoken struct {
	Hit
	Number int
	Unit   string
}

// number reads a word as a number, in figures or in letters.
func (l *Lexicon) number(word string) (int, bool) {
	if n, err := strconv.Atoi(word); err == nil && len(word) <= 5 {
		return n, n >= 0
	}
	if ps := l.lists["number"][word]; len(ps) > 0 {
		n, err := strconv.Atoi(ps[0].means)
		return n, err == nil
	}
	tens, ones, ok := strings.Cut(word, "-")
	a, okA := l.lists["number"][tens]
	b, okB := l.lists["number"][ones]
	if !ok || !okA || !okB {
		return 0, false
	}
	x, _ := strconv.Atoi(a[0].means)
	y, _ := strconv.Atoi(b[0].means)
	return x + y, x >= 20 && x%10 == 0 && y < 10
}

// Periods returns the lengths of time in ws. How often something is done and
// how old somebody is are none.
func (l *Lexicon) Periods(ws []Word) (out []Spoken) {
	before := map[int]string{} // by last word, what it makes of the number after it
	for _, h := range l.Find("every", ws) {
		before[h.Last] = h.Means
	}
	for _, h := range l.Find("under", ws) {
		before[h.Last] = "age"
	}
	for i := 0; i < len(ws); i++ {
		p := l.period(ws, i)
		if p.Unit == "" || l.Has("age", ws[p.Last+1:min(p.Last+3, len(ws))]) {
			continue
		}
		means, ok := before[i-1]
		if often := ok && (means == "" || means == "once" && p.Number == 1); !often && !(means == "age" && p.Unit == "years") {
			out = append(out, p)
		}
		i = p.Last
	}
	return out
}

// period reads "24 months", "thirty (30) working days" or "2-year" at ws[i].
// The Unit is empty if there is none.
func (l *Lexicon) period(ws []Word, i int) Spoken {
	n, ok := l.number(ws[i].Text)
	if !ok {
		figure, unit, _ := strings.Cut(ws[i].Text, "-")
		if n, ok = l.number(figure); !ok {
			return Spoken{}
		}
		return Spoken{Hit{First: i, Last: i}, n, l.unit(unit)}
	}
	last := i + 1
	if last < len(ws) {
		if again, ok := l.number(ws[last].Text); ok && again == n {
			last++
		}
	}
	for last < len(ws) && len(l.lists["day"][ws[last].Text]) > 0 {
		last++
	}
	if last == len(ws) {
		return Spoken{Number: n}
	}
	return Spoken{Hit{First: i, Last: last}, n, l.unit(ws[last].Text)}
}

func (l *Lexicon) unit(word string) string {
	if units := l.lists["unit"][word]; len(units) > 0 {
		return units[0].means
	}
	return ""
}

// Limits returns the numbers that something stays under, such as an age.
func (l *Lexicon) Limits(ws []Word) (out []Spoken) {
	for _, h := range l.Find("under", ws) {
		i := h.Last + 1
		if i == len(ws) {
			break
		}
		n, ok := l.number(ws[i].Text)
		if unit := l.period(ws, i).Unit; ok && n > 1 && (unit == "" || unit == "years") {
			out = append(out, Spoken{Hit: Hit{First: i, Last: i}, Number: n})
		}
	}
	return out
}

// Length says a length of time. Many months are said as years.
func (l *Lexicon) Length(months, days, hours int) string {
	years := 0
	if months >= 36 && months%12 == 0 {
		years, months = months/12, 0
	}
	var parts []string
	for i, unit := range []string{"years", "months", "days", "hours"} {
		n := []int{years, months, days, hours}[i]
		if n == 1 {
			unit = strings.TrimSuffix(unit, "s")
		}
		if n > 0 || unit == "hours" && parts == nil {
			parts = append(parts, strconv.Itoa(n)+" "+l.texts[unit])
		}
	}
	return strings.Join(parts, " ")
}
