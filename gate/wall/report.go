package wall

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// A Violation is something that was done, or tried, against the statement.
type Violation struct {
	Kind  Kind
	What  string // the host, or the name of the cookie; never a value
	Where string // path of the page, without query
	How   string // the directive, header or element that tells
	Let   bool   // it was only watched, not stopped
}

// A Kind is what a violation is about.
type Kind string

// Kinds of violations.
const (
	ThirdParty Kind = "host"   // one that is not declared, or not chosen
	CookieSet  Kind = "cookie" // one that is not declared, or not chosen
	Peer       Kind = "peer"   // a connection to no host, over WebRTC
	Leak       Kind = "leak"   // an address that carries what is known of a visitor
)

// Limits of a report. Browsers send less.
const (
	MaxReport  = 64 << 10 // bytes
	maxReports = 50       // in one body
	maxText    = 200      // of a path, in bytes
)

var errReport = errors.New("not a report")

// Report reads what browsers send to report-uri (application/csp-report) and to
// a reporting endpoint (application/reports+json). Reports that are not about
// a site on the network, such as those that a browser's extensions cause, are
// left out. What is read was written by anybody: it proves nothing.
func Report(body []byte) (all []Violation, err error) {
	if len(body) > MaxReport {
		return nil, errReport
	}
	var old struct {
		Report *legacy `json:"csp-report"`
	}
	var batch []modern
	switch {
	case json.Unmarshal(body, &old) == nil && old.Report != nil:
		all = old.Report.add(all)
	case json.Unmarshal(body, &batch) == nil:
		for _, r := range batch[:min(len(batch), maxReports)] {
			all = r.add(all)
		}
	default:
		return nil, errReport
	}
	return all, nil
}

// legacy is a report of CSP Level 2.
type legacy struct {
	Document    string `json:"document-uri"`
	Referrer    string `json:"referrer"`
	Blocked     string `json:"blocked-uri"`
	Directive   string `json:"violated-directive"`
	Effective   string `json:"effective-directive"`
	Disposition string `json:"disposition"`
}

func (r *legacy) add(all []Violation) []Violation {
	directive := r.Effective
	if directive == "" {
		directive, _, _ = strings.Cut(r.Directive, " ")
	}
	page := r.Document
	if page == "about" { // a frame that was written into the page: srcdoc
		page = r.Referrer
	}
	return report(all, page, r.Blocked, directive, r.Disposition == "report")
}

// modern is a report of the Reporting API, about a policy or an allowlist.
type modern struct {
	Type string `json:"type"`
	URL  string `json:"url"`
	Body struct {
		Document    string `json:"documentURL"`
		Blocked     string `json:"blockedURL"`
		Connection  string `json:"connection"`
		Directive   string `json:"effectiveDirective"`
		Disposition string `json:"disposition"`
	} `json:"body"`
}

func (r *modern) add(all []Violation) []Violation {
	let := r.Body.Disposition == "report"
	switch r.Type {
	case "csp-violation":
		return report(all, or(r.Body.Document, r.URL), r.Body.Blocked, r.Body.Directive, let)
	case "connection-allowlist":
		if r.Body.Connection == "webrtc" {
			return peer(all, r.URL, let)
		}
		return report(all, r.URL, r.Body.Connection, "connection-allowlist", let)
	}
	return all
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// peer notes a connection past all hosts.
func peer(all []Violation, page string, let bool) []Violation {
	at, err := url.Parse(page)
	if err != nil || at.Host == "" {
		return all
	}
	return append(all, Violation{Kind: Peer, What: "webrtc", Where: clip(at.EscapedPath()), How: "connection-allowlist", Let: let})
}

func report(all []Violation, page, blocked, directive string, let bool) []Violation {
	at, err := url.Parse(page)
	to, err2 := url.Parse(blocked)
	if err != nil || err2 != nil || at.Host == "" {
		return all
	}
	switch to.Scheme {
	case "http", "https", "ws", "wss":
	default: // inline, eval, data, and whatever extensions bring along
		return all
	}
	if to.Host == "" || strings.EqualFold(to.Host, at.Host) || !word(directive) {
		return all
	}
	return append(all, Violation{Kind: ThirdParty, What: clip(strings.ToLower(bare(to.Host))), Where: clip(at.EscapedPath()), How: directive, Let: let})
}

// word says whether a directive could be one.
func word(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}
