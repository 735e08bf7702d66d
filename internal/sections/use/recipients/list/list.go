// Package list writes lists as others read them, and invents people to stand in them.
package list

import (
	"crypto/rand"
	_ "embed"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/statement"
)

// A Ref is what a recipient knows a person by. Two recipients cannot tell by it
// that they were given the same person.
type Ref [16]byte

func (r Ref) String() string { return "ref_" + hex.EncodeToString(r[:]) }

//go:embed names.txt
var namesText string

// An Invented person stands in one list and nowhere else, so that whatever comes
// to them says from which list they were taken.
type Invented struct {
	Ref    Ref
	Values map[avow.Field][]byte
	Marks  []string // that name them and cannot be guessed
}

// people are the names that invented people get, a language a line.
func people() (all [][2][]string) {
	for line := range strings.Lines(namesText) {
		if given, family, ok := strings.Cut(line, "|"); ok && line[0] != '#' {
			all = append(all, [2][]string{strings.Fields(given), strings.Fields(family)})
		}
	}
	return all
}

// number is a random number below n, of the kind that nobody can foretell.
func number(n int) int {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return int(binary.LittleEndian.Uint64(b[:]) % uint64(n))
}

func one[T any](of []T) T { return of[number(len(of))] }

// Invent makes somebody up for a list with these columns.
func Invent(now *statement.Statement, columns []avow.Field) Invented {
	names := one(people())
	given, family := one(names[0]), one(names[1])
	p := Invented{Values: map[avow.Field][]byte{}}
	_, _ = rand.Read(p.Ref[:])
	p.Marks = append(p.Marks, p.Ref.String())
	for _, f := range columns {
		if d := now.Datum(f); d != nil {
			p.Values[f] = []byte(p.fill(now, d, given, family))
		}
	}
	return p
}

// fill is what an invented person gave for a field.
func (p *Invented) fill(now *statement.Statement, d *statement.Datum, given, family string) string {
	switch {
	case len(d.Choices) > 0:
		return one(d.Choices)
	case mail.In(d.Category):
		a := local(given, family) + "@" + domain(now)
		p.Marks = append(p.Marks, a)
		return a
	case strings.HasPrefix(d.Category, "user.contact.address"):
		code := code()
		p.Marks = append(p.Marks, code)
		return fmt.Sprintf("c/o %s, Ref. %s-%s", now.Organisation.Name, code[:5], code[5:])
	case d.Category == "user.name.first":
		return given
	case d.Category == "user.name.last":
		return family
	case strings.HasPrefix(d.Category, "user.name"):
		return given + " " + family
	case d.Type == "tel" || strings.HasPrefix(d.Category, "user.contact.phone"):
		return fmt.Sprintf("+44 7700 900%03d", number(1000)) // nobody has these numbers
	case d.Type == "date":
		return time.Date(1950+number(50), time.Month(1+number(12)), 1+number(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	case d.Type == "number":
		return fmt.Sprint(1 + number(9))
	case d.Store == "token":
		return "tok_" + strings.ToLower(code()+code())
	}
	return one([]string{"Thank you.", "As before, please.", "None so far.", "Please see my last order.", "With kind regards"})
}

// local is the part of an address before its @: one as people have them, of
// which nobody guesses the right one in a thousand million tries.
func local(given, family string) string {
	middle := string(rune('a' + number(26)))
	form := one([]string{"%[1]s.%[3]s.%[2]s%[4]d", "%[1]s%[3]s.%[2]s%[4]d", "%[2]s.%[1]s.%[3]s%[4]d", "%[1]s_%[3]s_%[2]s%[4]d"})
	return strings.ToLower(fmt.Sprintf(form, given, family, middle, 10_000+number(990_000)))
}

// domain is where mail to invented people arrives: with that to stop letters.
func domain(now *statement.Statement) string {
	address := now.Organisation.Contact
	if now.OptOut != nil {
		address = now.OptOut.Address
	}
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// code is ten letters and digits that cannot be taken for each other.
func code() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return base32.NewEncoding("23456789ABCDEFGHJKLMNPQRSTUVWXYZ").EncodeToString(b[:])[:10]
}

// Marks finds in a line what may be a mark of somebody invented.
func Marks(line string) (marks []string) {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;:<>()[]\"'/", r) }) {
		word = strings.Trim(word, ".")
		switch bare := strings.ToUpper(strings.ReplaceAll(word, "-", "")); {
		case strings.Contains(word, "@"):
			if a, err := mail.ParseAddress(word); err == nil {
				marks = append(marks, a.Text())
			}
		case strings.HasPrefix(strings.ToLower(word), "ref_"):
			marks = append(marks, strings.ToLower(word))
		case len(bare) == 10:
			marks = append(marks, bare)
		}
	}
	return marks
}

// Known says whether an invented person is known again by what a list says of
// them.
func (p *Invented) Known() bool {
	found := Marks(p.Ref.String())
	for _, v := range p.Values {
		found = append(found, Marks(string(v))...)
	}
	return !slices.ContainsFunc(p.Marks, func(mark string) bool { return !slices.Contains(found, mark) })
}
