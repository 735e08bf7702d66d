package outward

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/statement"
)

var key = []byte(strings.Repeat("k", 32))

// hopTo is a hop that h made.
func hopTo(h *Hops, to string) string { return string(h.Append(nil, []byte(to))) }

func ask(h http.Handler, method, url string, headers ...string) (*http.Response, string) {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

// TestOut: who follows a signed link of our own pages to a known host is led on;
// nobody else is.
func TestOut(t *testing.T) {
	g := New(key, "/privacy")
	h := g.Handler(func(host string) bool {
		return host == "partner.example" || host == "partner.example:8443" || host == "xn--bcher-kva.example"
	})
	const good = "https://partner.example/deep?x=1&y=ü#z"
	ours := []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"}
	signed := func(to string) string { return hopTo(g, to) }
	for name, c := range map[string]struct {
		hop     string
		headers []string
		status  int
		to      string // led to
		link    bool   // shown with a link
	}{
		"a link":           {signed(good), ours, 303, "https://partner.example/deep?x=1&y=%C3%BC#z", false},
		"other letters":    {signed("https://bücher.example/"), ours, 303, "https://xn--bcher-kva.example/", false},
		"capitals":         {signed("HTTPS://Partner.Example:8443/"), ours, 303, "https://partner.example:8443/", false},
		"from elsewhere":   {signed(good), []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200, "", true},
		"typed":            {signed(good), []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200, "", true},
		"fetched":          {signed(good), []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200, "", true},
		"an old browser":   {signed(good), nil, 200, "", true},
		"another port":     {signed("https://partner.example:9443/"), ours, 200, "", true},
		"an unknown host":  {signed("https://other.example/"), ours, 200, "", true},
		"a wrong mac":      {strings.TrimSuffix(signed(good), "A") + "B", ours, 200, "", false},
		"no mac":           {"/privacy/out?to=" + url.QueryEscape(good), ours, 200, "", false},
		"a mac of another": {strings.Replace(signed(good), "deep", "deeq", 1), ours, 200, "", false},
		"a script":         {signed("javascript:alert(1)"), ours, 400, "", false},
		"no address":       {"/privacy/out", ours, 400, "", false},
		"a path":           {signed("//partner.example"), ours, 400, "", false},
		"somebody's name":  {signed("https://partner.example@evil.example/"), ours, 400, "", false},
		"a backslash":      {signed(`https://partner.example\@evil.example/`), ours, 400, "", false},
		"a line":           {signed("https://partner.example/\r\nSet-Cookie: a=1"), ours, 400, "", false},
		"a long one":       {"/privacy/out?s=x&to=https://partner.example/" + strings.Repeat("x", longestHop), ours, 400, "", false},
		"markup":           {"/privacy/out?to=" + url.QueryEscape(`https://partner.example/"><script>`), ours, 200, "", false},
	} {
		a, got := ask(h, "GET", "https://harbour.example"+c.hop, c.headers...)
		if a.StatusCode != c.status || a.Header.Get("Location") != c.to {
			t.Errorf("%s is answered %d to %q", name, a.StatusCode, a.Header["Location"])
		}
		if strings.Contains(got, `<a href="http`) != c.link {
			t.Errorf("%s: the page is %s", name, got)
		}
		if strings.Contains(got, "<script") || strings.Contains(got, "http-equiv") || strings.Contains(got, "target=") {
			t.Errorf("%s: the page does something by itself: %s", name, got)
		}
		if c.status != 303 && a.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: a page that opens it may write into it", name)
		}
		if c.status != 303 && !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: the policy is %q", name, a.Header["Content-Security-Policy"])
		}
	}
	if a, _ := ask(h, "POST", "https://harbour.example"+signed(good), ours...); a.StatusCode != 405 {
		t.Errorf("POST is answered %d", a.StatusCode)
	}
	other := New([]byte(strings.Repeat("o", 32)), "/privacy")
	if a, _ := ask(h, "GET", "https://harbour.example"+hopTo(other, good), ours...); a.StatusCode != 200 {
		t.Errorf("a link signed under another key is answered %d", a.StatusCode)
	}
}

// TestHops: the hops that are remembered are few, and right.
func TestHops(t *testing.T) {
	g := New(key, "/privacy")
	first := hopTo(g, "https://partner.example/0")
	for i := range mostHops + 10 {
		hopTo(g, "https://partner.example/"+time.Duration(i).String())
	}
	if n := len(g.made); n > mostHops {
		t.Errorf("%d hops are remembered", n)
	}
	if again := hopTo(g, "https://partner.example/0"); again != first {
		t.Errorf("a link becomes %q, then %q", first, again)
	}
	if long := hopTo(g, "https://partner.example/"+strings.Repeat("x", longestHop)); long != "" {
		t.Error("a link that Out would refuse is made a hop")
	}
}

// TestLeaks: what people are called by must not be in an address that leaves.
func TestLeaks(t *testing.T) {
	l := LeaksOf(&statement.Statement{Data: []statement.Datum{{Name: "email", Category: "user.contact.email"}, {Name: "page", Category: "system.operations"}}})
	for query, want := range map[string]string{
		"u=ada@example.com": "e-mail address", "u=ada%40example.com": "e-mail address", "ada@example.com": "e-mail address",
		"u=x%3Cada.l%40mail.example.com%3E": "e-mail address", "u=@example.com": "", "u=a@b": "", "at=10@12.": "",
		"t=%2B49+30+123456": "", "t=%2B4930123456": "long number", "t=%2B49%2030%2012-34-56": "long number", "t=030-12345678": "long number",
		"id=1234567890123456": "long number", "id=123456": "", "t=1732463000": "", "t=1732463000123": "", "v=dQw4w9WgXcQ": "", "sha=12345678901abc": "",
		"email=x": "declared field", "EMAIL=x": "declared field", "email=": "", "mail=x": "", "page=x": "", "": "", "lat=52.123456789012": "",
	} {
		if got := l.In([]byte("https://a.example/p?" + query)); got != want {
			t.Errorf("in %q there is %q, want %q", query, got, want)
		}
	}
	if got := l.In([]byte("https://a.example/p?q=1#email=x")); got != "" {
		t.Errorf("behind the query there is %q", got)
	}
}
