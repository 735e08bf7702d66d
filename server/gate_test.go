package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/sections/links"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

// before starts a house again, in front of a site.
func before(t *testing.T, change func(*server.Config)) *servertest.House {
	h := servertest.New(t)
	h.Stop()
	c := h.Config("")
	c.AccessLog = filepath.Join(h.Dir, "data", "log")
	c.Site = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Set-Cookie", "_spy=1")
		fmt.Fprint(w, `<!doctype html><title>Shop</title><script src="https://spy.example/x.js"></script><a href="https://museum.example/">Museum</a>`)
	})
	change(&c)
	var err error
	if h.Server, err = server.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	public := httptest.NewServer(h.Public())
	h.URL = public.URL
	t.Cleanup(public.Close)
	return h
}

// TestStances: what the gate does not do is not called kept.
func TestStances(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*server.Config)
		stands map[string]string
	}{
		{"enforcing", func(*server.Config) {}, map[string]string{"signal": "kept", "outward": "kept", "cookies": "kept", "trackers": "kept"}},
		{"observing", func(c *server.Config) { c.Observe = true },
			map[string]string{"signal": "untested", "outward": "untested", "cookies": "untested", "trackers": "broken"}},
		{"no site", func(c *server.Config) { c.Site = nil },
			map[string]string{"signal": "untested", "outward": "untested", "cookies": "untested", "trackers": "untested"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := before(t, c.change)
			r, err := http.NewRequestWithContext(t.Context(), "GET", h.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", "text/html")
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			for clause, want := range c.stands {
				if got := h.Standing(clause); got != want {
					t.Errorf("%s is %s, want %s", clause, got, want)
				}
			}
		})
	}
}

// TestOwnPagesSayThatLinksLeave: what avow says of itself leads out, too, and so
// do the words of the statement and of the register.
func TestOwnPagesSayThatLinksLeave(t *testing.T) {
	text := string(harbour.Statement) + "\nSee [the regulation](https://law.example/gdpr), <https://board.example/> and [us](https://harbour.example/).\n"
	h := servertest.On(t, text)
	h.Pass(time.Hour)
	c, token := h.Client()
	if _, err := c.DescribeLink(t.Context(), token, "museum.example", "partner", "https://museum.example/privacy"); err != nil {
		t.Fatal(err)
	}
	door, err := egress.New(egress.Options{Own: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	for _, path := range []string{"/privacy", "/privacy/choices", "/privacy/links"} {
		start, err := url.Parse(h.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		crawler := links.Crawler{Door: door, Start: start, Ours: []string{"https://harbour.example"}, Says: []string{"leaves this site"}, Pages: 30}
		found, err := crawler.Crawl(t.Context())
		if err != nil || found.Links == 0 || len(found.Unlabelled) > 0 {
			t.Errorf("from %s: %+v, %v", path, found, err)
		}
	}
}

// TestNobodyOnDisk: of who came to the site, with what browser and from where,
// no file of the house holds anything, whatever they asked for and however often.
func TestNobodyOnDisk(t *testing.T) {
	h := before(t, func(*server.Config) {})
	receipt, link := h.Taken("contact", "email", "grace@example.com", "message", "hello")
	if receipt == "" {
		t.Fatal("no receipt")
	}
	secret := link[strings.LastIndexByte(link, '/')+1:]
	for _, path := range []string{"/", "/u/ada@example.com", "/find/ada%40example.com?q=ada@example.com", "/a/%2561da%2540example.com", "/privacy/receipt/" + secret, "/privacy/popular"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", h.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Accept": "text/html", "X-Forwarded-For": "81.2.69.142", "User-Agent": "Canary/7.7 Firefox/140.0", "Sec-GPC": "1",
			"Referer": "https://canary.example/ada@example.com", "Cookie": "_spy=canaryvalue; ada@example.com=1"} {
			r.Header.Set(name, value)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	h.Send("/privacy/reports", "application/csp-report", strings.NewReader(
		`{"csp-report": {"document-uri": "https://harbour.example/u/ada@example.com", "blocked-uri": "https://spy.example/canaryblocked", "effective-directive": "img-src"}}`))
	h.Standing("popular") // what is only counted is written
	h.Stop()
	seen := 0
	for _, name := range files(t, h.Dir) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, canary := range []string{"81.2.69.142", "Canary/7.7", "canary.example", "canaryvalue", "canaryblocked", "ada@", "ada%40", "grace@", secret} {
			if at := bytes.Index(text, []byte(canary)); at >= 0 {
				t.Errorf("%s holds %s: %q", name, canary, text[max(0, at-60):min(len(text), at+60)])
			}
		}
		if bytes.Contains(text, []byte("81.2.69.0")) || bytes.Contains(text, []byte("spy.example")) {
			seen++ // and yet something is there
		}
	}
	if seen < 2 || strings.Contains(h.Log.String(), "ada@") {
		t.Errorf("in %d files there is what is kept; the log says %s", seen, h.Log)
	}
}
