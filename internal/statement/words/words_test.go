package words

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func never(Word) bool { return false }

// The lists of sentences are read by people who speak the languages; a change
// of a lexicon that makes one of them wrong shows here.
func TestBinding(t *testing.T) {
	for _, tag := range Languages() {
		data, err := os.ReadFile("testdata/" + tag + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		l := In(tag)
		for line := range strings.Lines(string(data)) {
			text, ok := strings.CutPrefix(line, "+ ")
			if !ok && !strings.HasPrefix(line, "- ") {
				continue
			}
			text = strings.TrimSpace(strings.TrimPrefix(text, "- "))
			ss := l.Sentences([]byte(text), 0, len(text))
			if len(ss) != 1 {
				t.Errorf("%s: %q is %d sentences", tag, text, len(ss))
				continue
			}
			if h, binds := l.Binding(ss[0], never); binds != ok {
				t.Errorf("%s: %q: binding is %v %v", tag, text, binds, h)
			}
		}
	}
}

func texts(ss []Sentence) (out []string) {
	for _, s := range ss {
		var ws []string
		for _, w := range s.Words {
			ws = append(ws, w.Text)
		}
		out = append(out, strings.Join(ws, " "))
	}
	return out
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		tag, text string
		want      []string
	}{
		{"en", "One. Two! Three? Four", []string{"one", "two", "three", "four"}},
		{"en", "Ask e.g. Mia. She knows.", []string{"ask e.g mia", "she knows"}},
		{"en", "Write to a.b@c.example. It is read.", []string{"write to a.b@c.example", "it is read"}},
		{"en", "See https://x.example/a.b?c=Will. Then go.", []string{"see https://x.example/a.b?c=will", "then go"}},
		{"en", "It costs 3.50 pounds. No. 5 is free.", []string{"it costs 3.50 pounds", "no 5 is free"}},
		{"en", "J. R. Shaw signs. He “Really.” Left.", []string{"j r shaw signs", "he really", "left"}},
		{"en", "We stop… Then go... Now", []string{"we stop", "then go", "now"}},
		{"en", "Harbour Ltd. makes clocks.", []string{"harbour ltd makes clocks"}},
		{"de", "Stand: 1. Januar 2026. Es gilt z. B. Das.", []string{"stand 1 januar 2026", "es gilt z b das"}},
		{"de", "Die GmbH (vgl. Art. 6 Abs. 1) handelt. Gut.", []string{"die gmbh vgl art 6 abs 1 handelt", "gut"}},
		{"fr", "C’est l’art. 6. Vraiment !", []string{"c'est l'art 6", "vraiment"}},
		{"en", "", nil},
		{"en", "… — !", nil},
	} {
		if diff := cmp.Diff(c.want, texts(In(c.tag).Sentences([]byte(c.text), 0, len(c.text)))); diff != "" {
			t.Errorf("%s %q: %s", c.tag, c.text, diff)
		}
	}
}

func TestPeriods(t *testing.T) {
	type spoken struct {
		N    int
		Unit string
	}
	for _, c := range []struct {
		tag, text string
		want      []spoken
	}{
		{"en", "for 24 months", []spoken{{24, "months"}}},
		{"en", "thirty (30) business days", []spoken{{30, "days"}}},
		{"en", "a two-year limit and a 30‑day one", []spoken{{2, "years"}, {30, "days"}}},
		{"en", "within a month, for one year", []spoken{{1, "months"}, {1, "years"}}},
		{"en", "twenty-four hours", []spoken{{24, "hours"}}},
		{"en", "no more than twice a year, once a month, every 30 days, 24 hours a day", []spoken{{24, "hours"}}},
		{"en", "children under 13 years, aged 12 years, 14 years old, 15 years of age", nil},
		{"en", "in 2026 the 5 of us", nil},
		{"de", "24 Monate, zwei Jahre, binnen eines Monats, dreißig Tagen", []spoken{{24, "months"}, {2, "years"}, {1, "months"}, {30, "days"}}},
		{"de", "alle 30 Tage, Kinder unter 13 Jahren, einmal im Jahr", nil},
		{"fr", "24 mois, un an, trente jours", []spoken{{24, "months"}, {1, "years"}, {30, "days"}}},
		{"fr", "les moins de 13 ans, deux fois par an", nil},
		{"es", "24 meses, un año, treinta días", []spoken{{24, "months"}, {1, "years"}, {30, "days"}}},
		{"es", "menores de 13 años, dos veces al año", nil},
	} {
		var got []spoken
		for _, s := range In(c.tag).Sentences([]byte(c.text), 0, len(c.text)) {
			for _, p := range In(c.tag).Periods(s.Words) {
				got = append(got, spoken{p.Number, p.Unit})
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %q: %s", c.tag, c.text, diff)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		tag, text string
		want      []int
	}{
		{"en", "under 13, under the age of thirteen (13), younger than 16 years", []int{13, 13, 16}},
		{"en", "under 30 days, under a contract, under one roof", nil},
		{"de", "unter 13 Jahren, jünger als 16", []int{13, 16}},
		{"fr", "moins de 13 ans, moins de 24 heures", []int{13}},
		{"es", "menores de 14 años", []int{14}},
	} {
		var got []int
		for _, s := range In(c.tag).Sentences([]byte(c.text), 0, len(c.text)) {
			for _, p := range In(c.tag).Limits(s.Words) {
				got = append(got, p.Number)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %q: %s", c.tag, c.text, diff)
		}
	}
}

func TestAcceptance(t *testing.T) {
	for _, c := range []struct {
		tag, text string
		want      bool
	}{
		{"en", "By using this site, you accept this statement.", true},
		{"en", "By accessing or using our services you agree to our terms.", true},
		{"en", "Your continued use of the site constitutes your acceptance.", true},
		{"en", "Your use following changes shall mean that you are in agreement with them.", true},
		{"en", "By using this site you do not consent to anything.", false},
		{"en", "By using a pen you write.", false},
		{"en", "We do not take your visit for consent.", false},
		{"de", "Durch die Nutzung dieser Website stimmen Sie der Erklärung zu.", true},
		{"de", "Mit der Nutzung unserer Seiten erklären Sie sich einverstanden.", true},
		{"de", "Die Nutzung gilt nicht als Einwilligung.", false},
		{"fr", "En utilisant ce site, vous acceptez cette déclaration.", true},
		{"fr", "L’utilisation du site ne vaut pas acceptation.", false},
		{"es", "Al utilizar este sitio usted acepta esta declaración.", true},
		{"es", "El uso del sitio no implica su consentimiento.", false},
	} {
		for _, s := range In(c.tag).Sentences([]byte(c.text), 0, len(c.text)) {
			if h, got := In(c.tag).Acceptance(s, never); got != c.want {
				t.Errorf("%s %q: %v %v", c.tag, c.text, got, h)
			}
		}
	}
}

func TestSection(t *testing.T) {
	for _, c := range []struct{ tag, title, want string }{
		{"en", "Collection of information", "collection"}, {"en", "Information We Collect and How We Use It", "collection"},
		{"en", "Use of Information Collected", "use"}, {"en", "How we share your data", "use"}, {"en", "Disclosures", "use"},
		{"en", "Children Under Age of 13", "children"}, {"en", "Children's Privacy", "children"}, {"en", "Unsubscribe or Opt-Out", "optout"},
		{"en", "Your choices", "optout"}, {"en", "Links to Other Web Sites", "links"}, {"en", "Third-party sites", "links"},
		{"en", "Security", "security"}, {"en", "How we protect your information", "security"},
		{"en", "Changes to Privacy Statement", "changes"}, {"en", "Acceptance of Terms", "acceptance"},
		{"en", "Policy Questions", "questions"}, {"en", "Contact us", "questions"}, {"en", "Your rights", "questions"},
		{"en", "Our workshop", "other"}, {"en", "", "other"}, {"en", "Cookies", "collection"}, {"en", "How long we keep it", "collection"},
		{"de", "Welche Daten wir erheben", "collection"}, {"de", "Wofür wir sie nutzen", "use"}, {"de", "Kinder unter 13 Jahren", "children"},
		{"de", "Abmeldung und Widerspruch", "optout"}, {"de", "Links zu anderen Websites", "links"}, {"de", "Datensicherheit", "security"},
		{"de", "Änderungen dieser Erklärung", "changes"}, {"de", "Einwilligung", "acceptance"}, {"de", "Ihre Rechte", "questions"},
		{"fr", "Collecte des informations", "collection"}, {"fr", "Utilisation des données", "use"}, {"fr", "Enfants de moins de 13 ans", "children"},
		{"fr", "Désinscription", "optout"}, {"fr", "Liens vers d’autres sites", "links"}, {"fr", "Sécurité", "security"},
		{"fr", "Modifications de cette déclaration", "changes"}, {"fr", "Acceptation", "acceptance"}, {"fr", "Nous contacter", "questions"},
		{"es", "Recogida de información", "collection"}, {"es", "Uso de la información", "use"}, {"es", "Menores de 13 años", "children"},
		{"es", "Darse de baja", "optout"}, {"es", "Enlaces a otros sitios", "links"}, {"es", "Seguridad", "security"},
		{"es", "Cambios en esta declaración", "changes"}, {"es", "Aceptación", "acceptance"}, {"es", "Contacto", "questions"},
		{"xx", "Security", "security"},
	} {
		if got := In(c.tag).Section(c.title); got != c.want {
			t.Errorf("%s %q is %s, want %s", c.tag, c.title, got, c.want)
		}
	}
}

// A lexicon that lacks a list or a text of another fails quietly: nothing is
// found, and a table has no heading.
func TestLexiconsAreAlike(t *testing.T) {
	en := In("en")
	for _, tag := range Languages() {
		l := In(tag)
		for list, ps := range en.lists {
			if l.lists[list] == nil && list != "name" && list != "command" {
				t.Errorf("%s has no list %s", tag, list)
			}
			has := map[string]bool{}
			for _, all := range l.lists[list] {
				for _, p := range all {
					has[p.means] = true
				}
			}
			for _, all := range ps {
				for _, p := range all {
					if !has[p.means] && list != "number" && list != "name" && list != "command" {
						t.Errorf("%s has nothing for %s of %s", tag, p.means, list)
					}
				}
			}
		}
		for key := range en.texts {
			if l.texts[key] == "" {
				t.Errorf("%s has no text %s", tag, key)
			}
		}
	}
}

func TestForeign(t *testing.T) {
	l := In("tlh-Latn")
	text := "We will never sell."
	s := l.Sentences([]byte(text), 0, len(text))
	if _, binds := l.Binding(s[0], never); binds || l.Known || l.Text("table") != "Table" {
		t.Error("a language without a lexicon is read as English")
	}
	if In("de-CH") != In("de") {
		t.Error("de-CH is not read as de")
	}
}
