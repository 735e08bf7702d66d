package outline

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/draft/wording"
)

func divided(t *testing.T, name, lang, src string) *Outline {
	t.Helper()
	doc, err := paper.Read(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return Divide(doc, wording.In(lang))
}

// The headings that policies have.
func TestHeadings(t *testing.T) {
	for lang, headings := range map[string]map[string]string{
		"en": {
			"Information we collect": "collection", "What Information Do We Collect?": "collection", "PERSONAL DATA WE PROCESS": "collection",
			"Cookies and similar technologies": "collection", "How we use cookies": "collection", "Data retention": "collection", "Log files": "collection",
			"How long do we keep your data?": "collection", "Do Not Track": "collection",
			"How we use your information": "use", "Sharing": "use", "Who we share your data with": "use", "International transfers": "use",
			"Disclosure of your information": "use", "Legal basis for processing": "use", "Third-party service providers": "use", "Advertising": "use",
			"Children's privacy": "children", "Children Under the Age of 13": "children", "Minors": "children", "COPPA": "children",
			"Your choices": "optout", "Opting out": "optout", "Unsubscribe": "optout", "Email communications": "optout", "Do not sell my personal information": "optout",
			"Third-party links": "links", "Links to other websites": "links", "External links": "links",
			"Security": "security", "How we protect your information": "security", "Data breach": "security", "Safeguards": "security",
			"Updates to this policy": "changes", "Changes to our privacy notice": "changes", "Amendments": "changes",
			"Acceptance of these terms": "acceptance", "Your consent": "acceptance",
			"How to contact us": "questions", "Contact": "questions", "Your rights": "questions", "Your California privacy rights": "questions",
			"Access to your information": "questions", "Complaints": "questions", "Data Protection Officer": "questions",
			"Definitions": "other", "Introduction": "other", "Governing law": "other",
		},
		"de": {
			"Server-Log-Dateien": "collection", "Kontaktformular": "collection", "Speicherdauer": "collection", "Cookies": "collection", "Webanalyse": "collection",
			"Zweck der Verarbeitung": "use", "Weitergabe an Dritte": "use", "Rechtsgrundlage": "use", "Empfänger der Daten": "use",
			"Minderjährige": "children", "Links zu anderen Websites": "links", "Datensicherheit": "security", "SSL-Verschlüsselung": "security",
			"Änderung dieser Datenschutzerklärung": "changes", "Ihre Rechte": "questions", "Auskunft und Löschung": "questions", "Kontakt": "questions",
		},
		"fr": {
			"Données collectées": "collection", "Durée de conservation": "collection", "Cookies": "collection", "Finalités du traitement": "use",
			"Destinataires des données": "use", "Transferts hors de l'Union": "use", "Mineurs": "children", "Liens hypertextes": "links", "Sécurité": "security",
			"Modification de la politique": "changes", "Vos droits": "questions", "Nous contacter": "questions",
		},
		"es": {
			"¿Qué datos recogemos?": "collection", "Plazo de conservación": "collection", "Finalidad del tratamiento": "use", "Destinatarios": "use",
			"Menores de edad": "children", "Enlaces a terceros": "links", "Medidas de seguridad": "security", "Cambios en la política": "changes",
			"Derechos de los usuarios": "questions", "Contacto": "questions",
		},
	} {
		o := &Outline{lexicon: wording.In(lang)}
		for title, want := range headings {
			if got, weight := o.headingKind(title); got != want || weight < 2 {
				t.Errorf("%q is %s (%d), not %s", title, got, weight, want)
			}
		}
	}
}

// An unclear heading is known by what stands under it, and a clear one inside
// an unclear section becomes a section.
func TestByContent(t *testing.T) {
	o := divided(t, "a.md", "en", `# Privacy

## The fine print

We do not sell or rent your data. Below is what we delete when you ask us to.

## Kids and us

Text.

## Bits and bobs

### Data retention

We keep orders for 7 years.

### Odds

More.

## Ends

Write to us with any questions.
`)
	var got []string
	for _, p := range o.Parts {
		got = append(got, strings.Repeat("#", p.Depth)+" "+p.Title+": "+p.Kind)
	}
	want := []string{"## The fine print: use", "## Kids and us: children", "## Bits and bobs: collection", "### Data retention: collection",
		"### Odds: collection", "## Ends: questions"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTitle(t *testing.T) {
	for src, want := range map[string]string{
		"# Acme\n\nText of privacy.":                               "Acme",
		"ACME LTD\n\nPRIVACY POLICY\n\nText.":                      "PRIVACY POLICY",
		"Privacy Notice of Acme\n\nText.":                          "Privacy Notice of Acme",
		"Text that is about privacy, and long.\n\n## Cookies\n\nX": "Privacy policy",
		"---\ntitle: Our page\n---\nText of privacy, here.":        "Our page",
	} {
		title := paper.Block{Runs: divided(t, "a.md", "en", src).Title}
		if title.Text() != want {
			t.Errorf("%q: %q", want, title.Text())
		}
	}
}

// What a list completes belongs to each item.
func TestLead(t *testing.T) {
	o := divided(t, "a.md", "en", "# Privacy\n\nWe may disclose it only to:\n\n- comply with the law\n- protect our rights\n\nEnd.")
	var told []string
	for s := range o.Sentences() {
		for _, concept := range []string{"disclose", "ground.law", "ground.rights"} {
			if s.Has(concept) {
				told = append(told, s.Words[0]+" "+concept)
			}
		}
	}
	for _, want := range []string{"comply disclose", "comply ground.law", "protect disclose", "protect ground.rights"} {
		if !slices.Contains(told, want) {
			t.Errorf("%s: %v", want, told)
		}
	}
	if slices.Contains(told, "end disclose") {
		t.Error("the paragraph after the list is taken for an item")
	}
}

// Each row of the table can be reached: it names concepts that some language
// or this package tells, and sections there are.
func TestTableMakesSense(t *testing.T) {
	derived := strings.Fields("field.log field.given purpose.any recipient.any tracker.any collect.any period lists table date")
	for _, m := range Known().Marks {
		for _, need := range m.Need {
			for _, concept := range strings.Split(strings.TrimPrefix(need, "!"), "|") {
				if wording.In("en").Phrases[concept] == nil && !slices.Contains(derived, concept) {
					t.Errorf("%s needs %s, which nobody tells", m.ID, concept)
				}
			}
		}
		for _, kind := range append(m.In, m.Votes) {
			if kind != "" && kind != "other" && !slices.Contains(precedence, kind) {
				t.Errorf("%s stands in %s, which is no section", m.ID, kind)
			}
		}
	}
}
