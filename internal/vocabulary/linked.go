package vocabulary

import (
	"fmt"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// context names the vocabularies. DPV is in version 2 at this address, where
// a Process is what PersonalDataHandling was.
var context = map[string]string{
	"dpv": "https://w3id.org/dpv#",
	"dct": "http://purl.org/dc/terms/",
	"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
	"xsd": "http://www.w3.org/2001/XMLSchema#",
}

// A node is a thing in JSON-LD.
type node map[string]any

// LD returns a statement as JSON-LD: a dpv:PrivacyNotice with one dpv:Process
// for each purpose of each collection, so that every purpose stays beside what
// it rests on. Categories are fideslang's, as dct:identifier.
func LD(s *statement.Statement) ([]byte, error) {
	notice := node{
		"@context": context, "@id": home(s), "@type": "dpv:PrivacyNotice",
		"dct:title": s.Title, "dct:language": s.Language, "dct:modified": typed("xsd:date", s.Updated.String()),
		"dpv:hasDataController": node{"@id": home(s) + "#organisation", "@type": "dpv:DataController",
			"dpv:hasName": s.Organisation.Name, "dpv:hasContact": "mailto:" + s.Organisation.Contact},
	}
	var processes []node
	for i := range s.Collect {
		for _, p := range s.Purposes {
			if slices.Contains(s.Collect[i].For, p.Name) {
				processes = append(processes, process(s, &s.Collect[i], p))
			}
		}
	}
	put(notice, "dpv:hasProcess", processes)
	var prohibitions []node
	for _, n := range s.Never {
		prohibitions = append(prohibitions, node{"@id": home(s) + "#never." + n.Name, "@type": "dpv:Prohibition", "dct:title": n.Name})
	}
	put(notice, "dpv:hasProhibition", prohibitions)
	return indented(notice)
}

// home is where the statement is read.
func home(s *statement.Statement) string {
	if len(s.Organisation.Site) == 0 {
		return "/privacy"
	}
	return s.Organisation.Site[0] + "/privacy"
}

func typed(kind, value string) node { return node{"@type": kind, "@value": value} }

func put(n node, key string, list []node) {
	if len(list) > 0 {
		n[key] = list
	}
}

func process(s *statement.Statement, c *statement.Collection, p statement.Purpose) node {
	n := node{
		"@id": fmt.Sprintf("%s#collect.%s.%s", home(s), c.Name, p.Name), "@type": "dpv:Process", "dct:title": c.Say,
		"dpv:hasDataController": node{"@id": home(s) + "#organisation"},
		"dpv:hasPurpose": node{"@id": fmt.Sprintf("%s#purposes.%s", home(s), p.Name), "@type": "dpv:Purpose",
			"dct:title": string(p.Name), "dct:description": p.Say},
		"dpv:hasLegalBasis": legalBasis(p.Basis),
		"dpv:hasProcessing": []node{{"@id": "dpv:Collect"}, {"@id": "dpv:Store"}, {"@id": "dpv:Use"}},
		"dpv:hasStorageCondition": node{"@type": "dpv:StorageDuration",
			"dpv:hasDuration": node{"@type": "dpv:TemporalDuration", "rdf:value": typed("xsd:duration", duration(c.Keep))}},
	}
	var data []node
	for _, f := range c.Fields {
		if d := s.Datum(f.Name); d != nil {
			data = append(data, node{"@id": fmt.Sprintf("%s#data.%s", home(s), d.Name), "@type": "dpv:PersonalData",
				"dct:title": d.Say, "dct:identifier": d.Category})
		}
	}
	put(n, "dpv:hasPersonalData", data)
	var given []node
	for _, r := range receivers(s, c, p.Name) {
		given = append(given, node{"@id": home(s) + "#recipients." + r.Name, "@type": "dpv:Recipient",
			"dct:title": r.Name, "dct:description": r.Say})
	}
	put(n, "dpv:hasRecipient", given)
	return n
}

// receivers are those who get some of what a collection takes, for a purpose.
func receivers(s *statement.Statement, c *statement.Collection, p avow.Purpose) (out []statement.Recipient) {
	for _, r := range s.Recipients {
		gets := slices.ContainsFunc(c.Fields, func(f statement.CollectedField) bool { return slices.Contains(r.Fields, f.Name) })
		if gets && slices.Contains(r.For, p) {
			out = append(out, r)
		}
	}
	return out
}

var legalBases = map[string]string{
	"contract": "dpv:Contract", "opt-in": "dpv:Consent", "legal-obligation": "dpv:LegalObligation",
	"legitimate-interest": "dpv:LegitimateInterest", "vital-interest": "dpv:VitalInterest", "public-task": "dpv:PublicInterest",
}

// legalBasis names a basis. Somebody's own request is a contract to one lawyer
// and consent to the next, so it keeps its name.
func legalBasis(basis string) node {
	if term, ok := legalBases[basis]; ok {
		return node{"@id": term}
	}
	return node{"@type": "dpv:LegalBasis", "dct:title": basis}
}

// duration is a period in the form of ISO 8601.
func duration(p avow.Period) string {
	out := "P"
	if p.Months != 0 {
		out += fmt.Sprintf("%dM", p.Months)
	}
	if p.Days != 0 {
		out += fmt.Sprintf("%dD", p.Days)
	}
	if p.Hours != 0 || p.IsZero() {
		out += fmt.Sprintf("T%dH", p.Hours)
	}
	return out
}
