package avow

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Date is a day in a calendar, without a time of day or a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day of t in t's own zone.
func DateOf(t time.Time) Date { y, m, d := t.Date(); return Date{y, m, d} }

// ParseDate reads a date written 2006-01-02 (ISO 8601 calendar date).
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date like 2006-01-02", s)
	}
	return DateOf(t), nil
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// IsZero says whether d was never set.
func (d Date) IsZero() bool { return d == Date{} }

// Before says whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.Time().Before(e.Time()) }

// Time returns the first moment of d in UTC.
func (d Date) Time() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// A Period is a length of time as people write it in a statement: calendar
// months stay calendar months, so "24 months" ends on the same day of the month.
type Period struct {
	Months int
	Days   int
	Hours  int
}

// periodUnits are the units a Period is written in, singular.
var periodUnits = map[string]Period{
	"year": {Months: 12}, "month": {Months: 1}, "week": {Days: 7}, "day": {Days: 1}, "hour": {Hours: 1},
}

// ParsePeriod reads "24 months", "1 year", "30 days", "24h" or "0".
func ParsePeriod(s string) (Period, error) {
	bad := fmt.Errorf("%q is not a period like \"24 months\", \"30 days\" or \"24h\"", s)
	text := strings.TrimSpace(s)
	if text == "0" || text == "0s" {
		return Period{}, nil
	}
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits <= 0 || digits > 5 {
		return Period{}, bad
	}
	n, err := strconv.Atoi(text[:digits])
	unit := strings.TrimSpace(text[digits:])
	if unit == "h" {
		unit = "hour"
	}
	each, ok := periodUnits[strings.TrimSuffix(unit, "s")]
	if err != nil || !ok {
		return Period{}, bad
	}
	return Period{Months: n * each.Months, Days: n * each.Days, Hours: n * each.Hours}, nil
}

// A Cap is how often something is done at most, such as twice a year. The zero
// Cap is no limit.
type Cap struct {
	Times int
	Per   Period
}

// ParseCap reads "2 per year" or "1 per 14 days".
func ParseCap(s string) (Cap, error) {
	bad := fmt.Errorf("%q is not a number of times like \"2 per year\" or \"1 per 14 days\"", s)
	number, per, ok := strings.Cut(strings.TrimSpace(s), " per ")
	times, err := strconv.Atoi(number)
	if !ok || err != nil || times < 1 || times > 1000 {
		return Cap{}, bad
	}
	if per = strings.TrimSpace(per); strings.Trim(per[:min(1, len(per))], "0123456789") != "" {
		per = "1 " + per
	}
	c := Cap{Times: times}
	if c.Per, err = ParsePeriod(per); err != nil || c.Per.IsZero() {
		return Cap{}, bad
	}
	return c, nil
}

// String is what pages print and what the canonical form of a rule holds.
func (c Cap) String() string {
	if c.Times == 0 {
		return ""
	}
	return fmt.Sprintf("%d per %s", c.Times, c.Per)
}

// After returns the moment p after t.
func (p Period) After(t time.Time) time.Time {
	return t.AddDate(0, p.Months, p.Days).Add(time.Duration(p.Hours) * time.Hour)
}

// IsZero says whether p is no time at all.
func (p Period) IsZero() bool { return p == Period{} }

// Longer says whether p lasts longer than q, with a month taken as 30.44 days.
func (p Period) Longer(q Period) bool { return p.hours() > q.hours() }

func (p Period) hours() float64 {
	return float64(p.Months)*730.5 + float64(p.Days)*24 + float64(p.Hours)
}

// String is what pages print, and what the canonical form of a rule holds: to
// change it is to change the hashes of rules that were published.
func (p Period) String() string {
	if p.Months >= 60 && p.Months%12 == 0 && p.Days == 0 && p.Hours == 0 {
		return fmt.Sprintf("%d years", p.Months/12)
	}
	var parts []string
	for _, u := range []struct {
		n    int
		name string
	}{{p.Months, "month"}, {p.Days, "day"}, {p.Hours, "hour"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.name)
		case u.n != 0:
			parts = append(parts, fmt.Sprintf("%d %ss", u.n, u.name))
		}
	}
	if parts == nil {
		return "0 hours"
	}
	return strings.Join(parts, " ")
}
