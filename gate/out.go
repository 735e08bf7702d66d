package gate

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
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
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// refuse answers with a plain page instead of the site's.
func refuse(w http.ResponseWriter, status int, title, says string) {
	show(w, status, notice{Title: title, Says: []string{says}})
}

// Out answers BASE/out?to=ADDRESS&s=MAC, over which links leave the site. It
// leads on, with 303, whoever follows a link of this site's own pages that the
// gate signed, to a host in the register. To everybody else it shows where the
// link leads, and leads nowhere by itself: it is no open redirect (CWE-601).
func (g *Gate) Out() http.Handler {
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
			refuse(w, http.StatusBadRequest, "This link leads nowhere", "The address in it is not one of a web page.")
		case !g.hops.signed(to, query.Get("s")):
			show(w, http.StatusOK, notice{
				Title:   "This address was not signed by this site",
				Says:    []string{"Somebody made a link that looks as if it came from here. This site did not make it, and does not lead you there. It names:"},
				Address: to, Home: "/",
			})
		case r.Header.Get("Sec-Fetch-Site") == "same-origin" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && g.known(u.Hostname()):
			h := w.Header()
			h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
			h.Set("Cache-Control", "no-store")
			h.Set("Location", to)
			w.WriteHeader(http.StatusSeeOther)
		default:
			show(w, http.StatusOK, notice{
				Title:   "You are leaving this site for " + u.Host,
				Says:    []string{"What this site promises does not hold there: that site has rules of its own. The whole address:"},
				Address: to, Host: u.Host, Link: to, Home: "/",
			})
		}
	})
}

// outward reads the address that a hop leads to: of a web page, on a host that
// is written as browsers ask for it, with nobody's name in it.
func outward(to string) (*url.URL, bool) {
	if len(to) > longestHop || strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return nil, false
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Opaque != "" {
		return nil, false
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r >= 0x80 || r == '%' }) {
		return nil, false // a name of other letters has to come in its xn-- form
	}
	u.Host = strings.ToLower(u.Host)
	return u, true
}
