package wall

import (
	"maps"
	"strings"

	"github.com/avow-privacy/avow/gate/choice"
)

// A Header is one header to be set, ready for http.Header: Values has one value.
type Header struct {
	Name   string
	Values []string
}

// The names of the headers, as net/http writes them.
const (
	PolicyHeader    = "Content-Security-Policy"
	AllowlistHeader = "Connection-Allowlist"
	EndpointsHeader = "Reporting-Endpoints"

	reportOnly = "-Report-Only"
)

// maxKept is how many sets have their headers kept. There are 2^n sets of n
// offers; a visitor can choose only among those that a form offers.
const maxKept = 1 << 10

// Headers are what each response carries where set was chosen. The slice is
// shared: nobody changes it.
func (w *Wall) Headers(set choice.Set) []Header {
	kept := w.headers.Load()
	if kept != nil {
		if h, ok := (*kept)[set]; ok {
			return h
		}
	}
	h := w.make(set)
	next := map[choice.Set][]Header{set: h}
	if kept != nil && len(*kept) < maxKept {
		maps.Copy(next, *kept)
	}
	w.headers.CompareAndSwap(kept, &next) // who comes second makes it again the next time
	return h
}

func (w *Wall) make(set choice.Set) []Header {
	suffix := ""
	if w.options.Observe {
		suffix = reportOnly
	}
	return []Header{
		{PolicyHeader + suffix, []string{w.policy(set)}},
		{AllowlistHeader + suffix, []string{w.allowlist(set)}},
		{EndpointsHeader, []string{`avow="` + w.Reports() + `"`}},
	}
}

// Reports is the path to which browsers report.
func (w *Wall) Reports() string { return w.options.Base + "/reports" }

// What a policy has to name so that it limits origins only.
const (
	local    = "'self' data: blob: filesystem: mediastream:"
	anything = local + " 'unsafe-inline' 'unsafe-eval'"
)

func (w *Wall) policy(set choice.Set) string {
	var hosts strings.Builder
	for _, origin := range w.own {
		hosts.WriteString(" " + origin)
	}
	for _, host := range w.Hosts(set) {
		hosts.WriteString(" " + w.place(host))
	}
	return "default-src " + anything + hosts.String() + "; connect-src " + local + hosts.String() + w.sockets(set) +
		"; form-action 'self'" + hosts.String() + "; base-uri 'self'" + hosts.String() + "; report-uri " + w.Reports()
}

// sockets are the WebSockets of the hosts: a source without a scheme is of the
// page's own scheme, or its safer twin, and that is never ws or wss (CSP Level 3,
// section 6.7.2.8; so in Chromium 156).
func (w *Wall) sockets(set choice.Set) string {
	var b strings.Builder
	for _, origin := range w.own {
		_, host, _ := strings.Cut(origin, "://")
		b.WriteString(" wss://" + host)
	}
	for _, host := range w.Hosts(set) {
		place := w.place(host)
		if _, at, ok := strings.Cut(place, "://"); ok {
			place = at
		}
		b.WriteString(" ws://" + place + " wss://" + place)
	}
	return b.String()
}

// allowlist is a structured field (RFC 9651): an inner list of URL patterns.
// WebRTC is blocked unless something is said. Redirects are let through: where
// a host that was chosen sends a browser on to is that host's doing, and a site
// that is allowed to be used would break without.
func (w *Wall) allowlist(set choice.Set) string {
	var b strings.Builder
	b.WriteString("(response-origin")
	for _, origin := range w.own {
		b.WriteString(` "` + origin + `/*"`)
	}
	for _, host := range w.Hosts(set) {
		place := w.place(host)
		if place == host {
			place = "*://" + host
		}
		b.WriteString(` "` + place + `/*"`)
	}
	for _, host := range w.options.Links {
		b.WriteString(` "*://` + host + `/*"`)
	}
	b.WriteString(programs + ");redirects=allow;report-to=avow")
	return b.String()
}

// programs are addresses that a browser hands to another program. It counts them
// among the connections, and shows its own error page where one is not listed.
const programs = ` "mailto:*" "tel:*" "sms:*"`

// place is where a declared host is.
func (w *Wall) place(host string) string {
	if origin := w.options.Standins[host]; origin != "" {
		return origin
	}
	return host
}
