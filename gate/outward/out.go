package outward

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

//go:embed notice.html
var noticeText string

var noticePage = template.Must(template.New("notice").Parse(noticeText))

// A notice is a page of few words.
type notice struct {
	Title   string
	Says    []string
	Address string // shown as text
	Host    string
	Link    string // led to, if not empty
	Home    string
}

// show answers with a page that nothing can be loaded into.
func show(w http.ResponseWriter, status int, n notice) {
	var b bytes.Buffer
	if err := noticePage.Execute(&b, n); err != nil {
		http.Error(w, n.Title, status)
		return
	}
	h := w.Header()
	clear(h) // of what was meant for another answer
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // a page that opened it could write into it
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// Refuse answers with a plain page instead of the site's.
func Refuse(w http.ResponseWriter, status int, title, says string) {
	show(w, status, notice{Title: title, Says: []string{says}})
}

// Handler answers BASE/out?to=ADDRESS&s=MAC, over which links leave the site. It
// leads on, with 303, whoever follows a link of this site's own pages that was
// signed here, to a host that is known. To everybody else it shows where the
// link leads, and leads nowhere by itself: it is no open redirect (CWE-601).
func (h *Hops) Handler(known func(host string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET only", http.StatusMethodNotAllowed)
			return
		}
		query := r.URL.Query()
		to := query.Get("to")
		u, ok := outward(to)
		switch {
		case !ok:
			Refuse(w, http.StatusBadRequest, "This link leads nowhere", "The address in it is not one of a web page.")
		case !h.signed(to, query.Get("s")):
			show(w, http.StatusOK, notice{
				Title:   "This address was not signed by this site",
				Says:    []string{"Somebody made a link that looks as if it came from here. This site did not make it, and does not lead you there. It names:"},
				Address: to, Home: "/",
			})
		case r.Header.Get("Sec-Fetch-Site") == "same-origin" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && known(u.Host):
			w.Header().Set("Referrer-Policy", "strict-origin-when-cross-origin")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Location", u.String())
			w.WriteHeader(http.StatusSeeOther)
		default:
			show(w, http.StatusOK, notice{
				Title:   "You are leaving this site for " + u.Host,
				Says:    []string{"What this site promises does not hold there: that site has rules of its own. The whole address:"},
				Address: u.String(), Host: u.Host, Link: u.String(), Home: "/",
			})
		}
	})
}

// outward reads the address that a hop leads to: of a web page, with nobody's
// name in it. Its host is written as browsers ask for it, so that a letter that
// only looks like another one is seen.
func outward(to string) (*url.URL, bool) {
	if len(to) > longestHop || strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return nil, false
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Opaque != "" {
		return nil, false
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if strings.Contains(u.Hostname(), ":") {
		host, err = "["+u.Hostname()+"]", nil
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	u.Host, u.RawQuery = host, plain(u.RawQuery)
	return u, err == nil && !strings.Contains(host, "%")
}

// plain returns a query with all but ASCII escaped, as a header has to be.
func plain(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c < 0x80 {
			b.WriteByte(c)
		} else {
			b.Write(escaped(nil, []byte{c}))
		}
	}
	return b.String()
}
