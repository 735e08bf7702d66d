package wording

import (
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ lang, text, concept string }{
		{"en", "We do not now, nor will we later, sell, rent or lease it.", "never.lease"},
		{"en", "We don’t sell data.", "never.sale"},
		{"en", "Write to our e-mail address.", "field.email"},
		{"en", "children under the age of thirteen (13)", "child"},
		{"de", "Wir verkaufen Ihre Daten nicht.", "never.sale"},
		{"de", "Ihre IP-Adresse", "field.network"},
		{"fr", "Nous ne vendons jamais vos données.", "never.sale"},
		{"fr", "l’adresse IP", "field.network"},
		{"es", "No vendemos sus datos.", "never.sale"},
		{"es", "DIRECCION DE ENVIO", "field.address"},
	} {
		if In(c.lang).Tells(c.concept, c.text) == 0 {
			t.Errorf("%q does not tell %s", c.text, c.concept)
		}
	}
	for _, c := range []struct{ lang, text, concept string }{
		{"en", "We sell lamps.", "never.sale"},
		{"en", "We rent rooms. You may not smoke.", "never.rent"},
		{"en", "Take your phone.", "field.phone"},
	} {
		if In(c.lang).Tells(c.concept, c.text) != 0 {
			t.Errorf("%q tells %s", c.text, c.concept)
		}
	}
}

// A match must end after the words that are only context.
func TestMatchAfterContext(t *testing.T) {
	l := In("en")
	lead, rest := Words("We will never:"), Words("sell it")
	if l.Match(append(lead, rest...), len(lead))["never.sale"] == 0 {
		t.Error("the lead does not complete the item")
	}
	if l.Match(Words("We never sell. It works."), 3)["never.sale"] != 0 {
		t.Error("the lead alone counts")
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "Acme Inc. is here. Write to J. Doe.", "Acme Inc. is here.|Write to J. Doe."},
		{"en", "See e.g. our page, No. 5. It is “here.” Yes!", "See e.g. our page, No. 5.|It is “here.”|Yes!"},
		{"en", "No. We do not.", "No.|We do not."},
		{"en", "1. WHAT WE DO", "1. WHAT WE DO"},
		{"en", "Visit a.example. or b.example.", "Visit a.example. or b.example."},
		{"de", "Das gilt z. B. am 1. Februar. Ende.", "Das gilt z. B. am 1. Februar.|Ende."},
		{"de", "Deichstr. 5 ist es.", "Deichstr. 5 ist es."},
		{"es", "¿Qué? Nada. ¡Sí!", "¿Qué?|Nada.|¡Sí!"},
	} {
		var parts []string
		from := 0
		for _, end := range append(In(c.lang).Sentences(c.text), len(c.text)) {
			parts = append(parts, strings.TrimSpace(c.text[from:end]))
			from = end
		}
		if got := strings.Join(parts, "|"); got != c.want {
			t.Errorf("%s: %s", c.want, got)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		lang, text, want string
		unsure           bool
	}{
		{"en", "Updated Date: April 29, 2016", "2016-04-29", false},
		{"en", "Last updated: 29 April 2016", "2016-04-29", false},
		{"en", "Revised 1st of March, 2023", "2023-03-01", false},
		{"en", "Sept. 23rd, 2013", "2013-09-23", false},
		{"en", "effective the 4th day of July 2010", "2010-07-04", false},
		{"en", "2022-05-19", "2022-05-19", false},
		{"en", "05/08/2021", "2021-05-08", true},
		{"en", "25/05/2018", "2018-05-25", false},
		{"en", "11/30/20", "2020-11-30", false},
		{"en", "Rev. 06/2019", "2019-06-01", false},
		{"en", "March 2021", "2021-03-01", false},
		{"en", "02.03.2020", "2020-03-02", false},
		{"de", "Stand: 1. Februar 2022", "2022-02-01", false},
		{"de", "03.04.2019", "2019-04-03", false},
		{"de", "Mai 2018", "2018-05-01", false},
		{"fr", "1er août 2020", "2020-08-01", false},
		{"es", "7 de octubre de 2019", "2019-10-07", false},
		{"es", "15/03/2017", "2017-03-15", false},
		{"en", "February 31, 2020", "", false},
		{"en", "Room 12, 1234 or 555-0110", "", false},
		{"en", "in the year 1066", "", false},
	} {
		got, unsure := In(c.lang).Dates(c.text)
		var first string
		if got != nil {
			first = got[0].String()
		}
		if first != c.want || unsure != c.unsure {
			t.Errorf("%q: %q %v, want %q", c.text, first, unsure, c.want)
		}
	}
}

func TestPeriod(t *testing.T) {
	for _, c := range []struct {
		lang, text, want string
		more             bool
	}{
		{"en", "for thirty (30) calendar days", "30 days", false},
		{"en", "no longer than six (6) months past", "6 months", false},
		{"en", "1 year", "1 year", false},
		{"en", "within 10 business days and respond within 45 days", "10 days", true},
		{"de", "nach 7 Tagen gelöscht", "7 days", false},
		{"fr", "dans un délai d’un mois", "1 month", false},
		{"es", "durante 6 años", "6 years", false},
		{"en", "as long as we need it", "", false},
	} {
		got, more := In(c.lang).Period(Words(c.text))
		if got != c.want || more != c.more {
			t.Errorf("%q: %q %v", c.text, got, more)
		}
		if _, err := avow.ParsePeriod(got); got != "" && err != nil {
			t.Error(err)
		}
	}
}

func TestDetect(t *testing.T) {
	for lang, text := range map[string]string{
		"en": "We collect the information that you give to us and use it for the purposes in this policy.",
		"de": "Wir verarbeiten die Daten, die Sie uns bei der Bestellung mitteilen, und geben sie nicht weiter.",
		"fr": "Nous utilisons les données que vous nous avez transmises pour répondre à votre demande.",
		"es": "Tratamos los datos que usted nos facilita para atender su solicitud y no los cedemos.",
		"":   "Wij gebruiken uw gegevens alleen om uw bestelling te verwerken.",
	} {
		if got := Detect(Words(text)); got != lang {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

// Every language knows the same concepts, and a name for each thing, or a
// policy would fare worse for its language.
func TestLanguagesKnowTheSame(t *testing.T) {
	en := In("en")
	for _, lang := range languages {
		l := In(lang)
		if len(l.Months) != 12 || len(l.Units) != 5 || l.Title == "" || len(l.Stop) < 20 {
			t.Errorf("%s lacks months, units, a title or small words", lang)
		}
		for _, m := range []struct {
			name      string
			all, have map[string]string
		}{{"section", en.Sections, l.Sections}, {"field", en.Fields, l.Fields}, {"purpose", en.Purposes, l.Purposes},
			{"form", en.Forms, l.Forms}, {"recipient", en.Recipient, l.Recipient}} {
			for key := range m.all {
				if m.have[key] == "" {
					t.Errorf("%s has no words for the %s %s", lang, m.name, key)
				}
			}
		}
		// What few policies in other languages speak of.
		rare := map[string]bool{"past": true}
		for concept := range en.Phrases {
			if len(l.Phrases[concept]) == 0 && !rare[concept] && concept != "never.loan" {
				t.Errorf("%s has no phrases for %s", lang, concept)
			}
		}
		for concept := range l.Phrases {
			if len(en.Phrases[concept]) == 0 {
				t.Errorf("%s knows %s, which English does not", lang, concept)
			}
		}
	}
}
