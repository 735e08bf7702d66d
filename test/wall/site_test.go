package wall

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/avow-privacy/avow/gate/choice"
)

var silent = log.New(io.Discard, "", 0)

// A site is the corpus served on loopback. Each visit has a host of its own,
// VISIT.localhost, so that nothing is carried from one to the next.
type site struct {
	third *thirdParty
	port  int

	mu     sync.Mutex
	visits map[string]*visitLog
}

// A visitLog is what the site saw of one visit.
type visitLog struct {
	mode    string
	last    time.Time
	cookies map[string]int // names of the cookies that came as far as the site
	sent    map[string]int // names of the cookies that the browser sent
	paths   map[string]int // what the site was asked for
	signals int            // how many requests said Sec-GPC: 1
}

// newSite serves the corpus behind wrap.
func newSite(t testing.TB, third *thirdParty, wrap func(http.Handler) http.Handler) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{third: third, port: l.Addr().(*net.TCPAddr).Port, visits: map[string]*visitLog{}}
	inner := wrap(http.HandlerFunc(s.serve))
	server := &http.Server{ErrorLog: silent, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.saw(r, func(v *visitLog) map[string]int {
			if r.Header.Get("Sec-GPC") == "1" {
				v.signals++
			}
			return v.sent
		})
		if r.URL.Path == "/begin" {
			begin(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})}
	var done sync.WaitGroup
	done.Go(func() { server.Serve(l) })
	t.Cleanup(func() {
		server.Close()
		done.Wait()
	})
	return s
}

// passed puts nothing before a site.
func passed(site http.Handler) http.Handler { return site }

// begin gives a visitor the cookie of a choice and leads on: faster than
// choosing, and the same in every browser.
func begin(w http.ResponseWriter, r *http.Request) {
	if c := r.URL.Query().Get("choice"); c != "" {
		http.SetCookie(w, &http.Cookie{Name: choice.Cookie, Value: c, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
}

// home is where a visit begins, without a path.
func (s *site) home(visit string) string {
	return "http://" + visit + ".localhost:" + strconv.Itoa(s.port)
}

// expect makes the site know a visit before it comes.
func (s *site) expect(visit, mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visits[visit] = &visitLog{mode: mode, cookies: map[string]int{}, sent: map[string]int{}, paths: map[string]int{}}
}

// saw notes a request, and the names of its cookies in one of the visit's lists.
func (s *site) saw(r *http.Request, list func(*visitLog) map[string]int) (visit, mode string) {
	visit, _, _ = strings.Cut(r.Host, ".")
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.visits[visit]
	if v == nil {
		return visit, ""
	}
	v.last = time.Now()
	names := list(v)
	for _, c := range r.Cookies() {
		names[c.Name]++
	}
	return visit, v.mode
}

// log returns a copy of what was seen of a visit.
func (s *site) log(visit string) visitLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := *s.visits[visit]
	v.cookies, v.sent, v.paths = maps.Clone(v.cookies), maps.Clone(v.sent), maps.Clone(v.paths)
	return v
}

// signalled returns how many visits of a mode sent the signal, and how many not.
func (s *site) signalled(mode string) (with, without int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.visits {
		switch {
		case v.mode == mode && v.signals > 0:
			with++
		case v.mode == mode:
			without++
		}
	}
	return with, without
}

// serve answers as the site, which knows nothing of avow.
func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	visit, mode := s.saw(r, func(v *visitLog) map[string]int {
		v.paths[r.URL.Path]++
		return v.cookies
	})
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "redirect" {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		return
	}
	page, file := path.Split(name)
	page = strings.TrimSuffix(page, "/")
	if file == "" {
		for ext := range mimes {
			if texts.Lookup(page+"/index"+ext) != nil {
				file = "index" + ext
			}
		}
	}
	v := newView(visit, mode, r.URL.Query().Get("k"), s.third.port)
	body, ok := render(page+"/"+file, v)
	if !ok {
		if path.Ext(file) == ".png" || path.Ext(file) == ".js" {
			body, _ = partOf(file, visit, "")
		} else {
			http.NotFound(w, r)
			return
		}
	}
	w.Header().Set("Content-Type", mimes[path.Ext(file)])
	if special := specials[page]; special != nil && file[:min(5, len(file))] == "index" {
		special(w, r, v, body)
		return
	}
	if special := specials[page+"/"+file]; special != nil {
		special(w, r, v, body)
		return
	}
	w.Write(body)
}

// specials are answers that are more than a body.
var specials = map[string]func(w http.ResponseWriter, r *http.Request, v view, body []byte){
	"gzip": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Vary", "Accept-Encoding")
		z := gzip.NewWriter(w)
		z.Write(body)
		z.Close()
	},
	"own-csp": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		all := ""
		for _, h := range v.Hosts {
			all += " https://" + h.Host("own-csp-img") + " https://" + h.Host("own-csp-script")
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self'"+all+"; script-src 'self' 'nonce-n0nce'"+all+
			"; require-trusted-types-for 'script'")
		w.Write(body)
	},
	"reports": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		w.Header().Set("Content-Security-Policy", "img-src 'none'; report-uri "+v.Never().URL("csp-report.txt"))
		w.Write(body)
	},
	"link-header": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		for _, h := range v.Hosts {
			w.Header().Add("Link", "<"+h.URL("header-preload.js")+`>; rel=preload; as=script`)
			w.Header().Add("Link", "<"+h.URL("header-style.css")+`>; rel=stylesheet`)
		}
		for _, h := range v.Some("optin", "never") {
			w.Header().Add("Link", "<https://"+h.Idle("header-preconnect")+">; rel=preconnect")
		}
		w.Write(body)
	},
	"refresh-header/frame.html": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		w.Header().Set("Refresh", "0; url="+v.Hosts[0].URL("refresh-header.html"))
		w.Write(body)
	},
	"speculation": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		w.Header().Set("Speculation-Rules", `"/speculation/rules.json"`)
		w.Write(body)
	},
	"speculation/rules.json": func(w http.ResponseWriter, r *http.Request, v view, body []byte) {
		w.Header().Set("Content-Type", "application/speculationrules+json")
		w.Write(body)
	},
	"utf16": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header().Set("Content-Type", "text/html")
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(string(body))) {
			out = append(out, byte(u), byte(u>>8))
		}
		w.Write(out)
	},
	"no-type": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header()["Content-Type"] = nil
		w.Write(body)
	},
	"not-found": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.WriteHeader(http.StatusNotFound)
		w.Write(body)
	},
	"dribble": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		for chunk := range chunks(body, 41) {
			w.Write(chunk)
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
	},
	"worker-kept/worker.js": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Write(body)
	},
	"worker-etag/worker.js": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(w, r, "worker.js", time.Time{}, bytes.NewReader(body))
	},
	"slow": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		before, after, _ := bytes.Cut(body, []byte("<!-- here it waits -->"))
		w.Write(before)
		w.(http.Flusher).Flush()
		select {
		case <-time.After(10 * time.Second):
		case <-r.Context().Done():
		}
		w.Write(after)
	},
	"cookies": func(w http.ResponseWriter, r *http.Request, _ view, body []byte) {
		setCookies(w)
		w.Write(body)
	},
}

func setCookies(w http.ResponseWriter) {
	for _, c := range []string{"basket=1; Path=/", "theme=1; Path=/", "spy-header=1; Path=/; Max-Age=9999"} {
		w.Header().Add("Set-Cookie", c)
	}
}

// chunks cuts b into pieces of n bytes.
func chunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}
