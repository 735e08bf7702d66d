package gate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/statement"
)

func offersOf(t testing.TB) choice.Offers {
	t.Helper()
	s, faults := statement.Compile("statement", []byte(text), kept)
	if faults.Failed() {
		t.Fatal(faults)
	}
	return choice.Offered(s)
}

// TestSetCookie: what is not declared, or waits for a yes, is dropped; the rest
// lives no longer than declared.
func TestSetCookie(t *testing.T) {
	g, w := newGate(t)
	for _, c := range []struct{ set, none, yes string }{
		{"basket=1", "basket=1", "basket=1"},
		{"basket=1; Path=/; HttpOnly", "basket=1; Path=/; HttpOnly", "basket=1; Path=/; HttpOnly"},
		{"basket=1; Max-Age=9; Path=/", "basket=1; Path=/", "basket=1; Path=/"},
		{"basket=; max-age=0", "basket=; max-age=0", "basket=; max-age=0"},
		{"basket=; Max-Age=-1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "basket=; Max-Age=-1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "basket=; Max-Age=-1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
		{"basket=; Expires=Thu, 01-Jan-70 00:00:00 GMT", "basket=; Expires=Thu, 01-Jan-70 00:00:00 GMT", "basket=; Expires=Thu, 01-Jan-70 00:00:00 GMT"},
		{`basket="a; b=c"; Expires=Fri, 01 Jan 2038 00:00:00 GMT`, `basket="a; b=c"`, `basket="a; b=c"`},
		{"login=1; Max-Age=86400", "login=1; Max-Age=86400", "login=1; Max-Age=86400"},
		{"login=1; Max-Age=2592001; Secure", "login=1; Secure; Max-Age=2592000", "login=1; Secure; Max-Age=2592000"},
		{"login=1; MAX-AGE=99999999999999999999", "login=1; Max-Age=2592000", "login=1; Max-Age=2592000"},
		{"login=1; Expires=Fri, 25 Dec 2026 00:00:00 GMT", "login=1; Max-Age=2592000", "login=1; Max-Age=2592000"},
		{"login=1; Expires=Fri, 27 Nov 2026 00:00:00 GMT", "login=1; Expires=Fri, 27 Nov 2026 00:00:00 GMT", "login=1; Expires=Fri, 27 Nov 2026 00:00:00 GMT"},
		{"login=1; Expires=some day", "login=1; Max-Age=2592000", "login=1; Max-Age=2592000"},
		{"login=1; Max-Age=5; Max-Age=99999999", "login=1; Max-Age=2592000", "login=1; Max-Age=2592000"},
		{"__Host-safe=1; Secure; Path=/", "__Host-safe=1; Secure; Path=/", "__Host-safe=1; Secure; Path=/"},
		{"theme=dark", "", "theme=dark"},
		{"evil=1", "", ""},
		{"Basket=1", "", ""},
		{" basket =1", " basket =1", " basket =1"},
		{"basket", "", ""},
		{"=basket=1", "", ""},
		{"", "", ""},
		{";basket=1", "", ""},
		{"basket\x01=1", "", ""},
		{"__host-safe=1", "", ""},
		{"evil=1, basket=2", "", ""},
		{choice.Cookie + "=forged", "", ""},
		{choice.SecureCookie + "=forged; Path=/; Secure; HttpOnly", "", ""},
		{choice.SecureCookie + "=; Max-Age=0; Path=/; Secure; HttpOnly", "", ""},
	} {
		for cookie, want := range map[string]string{"": c.none, yes(t, g): c.yes} {
			a := ask(g.Handler(site("text/plain", "", "Set-Cookie", c.set)), "GET", "https://harbour.example/x", "Cookie", cookie)
			if got := strings.Join(a.Header["Set-Cookie"], "|"); got != want {
				t.Errorf("%q becomes %q, want %q", c.set, got, want)
			}
		}
	}
	for _, line := range []string{"cookie evil at /x: Set-Cookie false", "cookie theme at /x: Set-Cookie before a yes false"} {
		if !w.has(line) {
			t.Errorf("nobody was told %q but %q", line, w.lines)
		}
	}
}

// TestCookie: the site is asked without what it must not have, and the browser
// is told to forget it.
func TestCookie(t *testing.T) {
	g, w := newGate(t)
	var seen []string
	h := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header["Cookie"] }))
	said := yes(t, g)
	for _, c := range []struct{ sent, want, forget string }{
		{"basket=1", "basket=1", ""},
		{"basket=1; login=2", "basket=1; login=2", ""},
		{"basket=1; evil=2;login=3", "basket=1; login=3", "evil"},
		{`basket="a;evil=2"`, `basket="a`, "evil"},
		{"evil=1", "", "evil"},
		{"theme=dark", "", "theme"},
		{"theme=dark; " + said, "theme=dark", ""},
		{said, "", ""},
		{choice.Cookie + "=forged; theme=dark", "", "theme"},
		{"nameless", "", ""},
		{"=; ;;", "", ""},
		{"BASKET=1", "", "BASKET"},
		{"basket=1;\tevil =2", "basket=1", "evil"},
		{"basket=a=b", "basket=a=b", ""},
	} {
		a := ask(h, "GET", "https://shop.harbour.example/a/b?q", "Cookie", c.sent)
		if got := strings.Join(seen, "|"); got != c.want {
			t.Errorf("of %q the site sees %q, want %q", c.sent, got, c.want)
		}
		for _, set := range a.Header["Set-Cookie"] {
			if !strings.Contains(set, "; Max-Age=0;") {
				t.Errorf("%q sets %q", c.sent, set)
			}
		}
		if c.forget == "" {
			continue
		}
		for _, where := range []string{"; Path=/;", "; Path=/; Domain=harbour.example;", "; Path=/a/b;", "; Path=/a;", "; Path=/a/;", "; Path=/; Domain=shop.harbour.example;"} {
			if !slices.ContainsFunc(a.Header["Set-Cookie"], func(s string) bool { return strings.HasPrefix(s, c.forget+"="+where) }) {
				t.Errorf("%q is not forgotten at %q: %q", c.forget, where, a.Header["Set-Cookie"])
			}
		}
	}
	if !w.has("cookie evil at /a/b: Cookie false") {
		t.Errorf("nobody was told: %q", w.lines)
	}
	a := ask(h, "GET", "https://harbour.example/a.png", "Cookie", "evil=1", "Sec-Fetch-Dest", "", "Sec-Fetch-Dest", "image")
	if len(a.Header["Set-Cookie"]) != 0 || seen != nil {
		t.Errorf("a picture is asked for with %q and answered %q", seen, a.Header)
	}
	many := strings.Repeat("a", 3)
	for i := range 200 {
		many += "; evil" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "=1"
	}
	a = ask(h, "GET", "https://a.b.c.d.harbour.example/"+strings.Repeat("x/", 50), "Cookie", many)
	if n := len(a.Header["Set-Cookie"]); n > mostExpired*mostVariants {
		t.Errorf("%d cookies are written", n)
	}
}

// TestNoUndeclared: whatever a site sets, and how, what a browser keeps is declared.
func TestNoUndeclared(t *testing.T) {
	g, _ := newGate(t)
	said := yes(t, g)
	declared := []string{"basket", "login", "__Host-safe", "theme", choice.Cookie}
	part := rapid.OneOf(rapid.SampledFrom([]string{"basket", "evil", "theme", "=", ";", ",", " ", "\t", `"`, "Max-Age=9", "expires=", "\x00", "\r\n", "__Host-safe", "Path=/"}), rapid.StringN(0, 4, 8))
	rapid.Check(t, func(r *rapid.T) {
		lines := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(part, 0, 6), func(p []string) string { return strings.Join(p, "") }), 0, 5).Draw(r, "lines")
		how := rapid.IntRange(0, 3).Draw(r, "how")
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for _, line := range lines {
				w.Header()["Set-Cookie"] = append(w.Header()["Set-Cookie"], line)
			}
			switch how {
			case 1:
				w.WriteHeader(http.StatusEarlyHints)
			case 2:
				w.WriteHeader(302)
			case 3:
				_, _ = io.WriteString(w, "x")
			}
		}))
		cookie := rapid.SampledFrom([]string{"", said, "evil=1"}).Draw(r, "cookie")
		a := ask(h, "GET", "https://harbour.example/x", "Cookie", cookie)
		for _, line := range a.Header["Set-Cookie"] {
			if name := browserName(line); !slices.Contains(declared, name) && !strings.Contains(line, "; Max-Age=0; Expires=Thu, 01 Jan 1970") || name == "theme" && cookie != said {
				r.Fatalf("%q passes", line)
			}
		}
	})
}

// browserName reads the name of a cookie as RFC 6265bis, section 5.6, says: apart
// from the code that is tested.
func browserName(line string) string {
	if i := strings.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	i := strings.IndexByte(line, '=')
	if i < 0 {
		return ""
	}
	return strings.Trim(line[:i], " \t")
}

// FuzzCookie: of whatever is sent as cookies, the site sees declared ones, each
// as it was sent.
func FuzzCookie(f *testing.F) {
	for _, s := range []string{"", "basket=1", "evil=1; basket=2", "a;b;c", "=;=", `basket="x;y"`, "basket =1;\tlogin=", ";;;basket"} {
		f.Add(s)
	}
	g, _ := newGate(f)
	f.Fuzz(func(t *testing.T, sent string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{sent}
		a := &answer{g: g, rules: g.rules.Load(), w: httptest.NewRecorder()}
		seen := a.take(r)
		for _, line := range seen.Header["Cookie"] {
			for part := range strings.SplitSeq(line, ";") {
				part = strings.Trim(part, " \t")
				name := browserName(part)
				if part != "" && !slices.Contains([]string{"basket", "login", "__Host-safe"}, name) {
					t.Errorf("of %q the site sees %q", sent, part)
				}
			}
		}
	})
}

// TestReplayed: a choice that was signed for another browser, and that a script
// wrote into this one, is none over https; over http it takes a no back from nobody.
func TestReplayed(t *testing.T) {
	g, _ := newGate(t)
	offers := offersOf(t)
	no := choice.Cookie + "=" + offers.Press(choice.Choice{}, choice.Press{}, [16]byte{2}, today).Seal(key)
	theirs := strings.Replace(yes(t, g), choice.SecureCookie, choice.Cookie, 1)
	for _, c := range []struct {
		url, cookies string
		want         bool
	}{
		{"https://harbour.example/x", yes(t, g), true},
		{"https://harbour.example/x", theirs, false},
		{"https://harbour.example/x", yes(t, g) + "; " + no, true},
		{"http://harbour.example/x", theirs, true}, // a browser has no better cookie there
		{"http://harbour.example/x", no + "; " + theirs, false},
		{"http://harbour.example/x", theirs + "; " + no, false},
		{"http://harbour.example/x", theirs + "; " + theirs + "; avow-choice=forged", true},
	} {
		a := ask(g.Handler(site("text/html", pageText)), "GET", c.url, "Cookie", c.cookies)
		if got := strings.Contains(a.Header.Get("Content-Security-Policy"), "maps.example"); got != c.want {
			t.Errorf("%s with %.40s…: a yes holds: %v", c.url, c.cookies, got)
		}
	}
}

// TestClearing: a site may clear everything in a browser but the choice.
func TestClearing(t *testing.T) {
	g, _ := newGate(t)
	for given, want := range map[string]string{
		`"cookies"`:                    "",
		`"cache", "cookies","storage"`: `"cache", "storage"`,
		`"storage"`:                    `"storage"`,
		`"*"`:                          `"cache", "storage", "executionContexts", "clientHints", "prefetchCache", "prerenderCache"`,
	} {
		a := ask(g.Handler(site("text/html", pageText, "Clear-Site-Data", given)), "GET", "https://harbour.example/", "Cookie", yes(t, g)+"; login=1")
		gone := strings.Join(a.Header["Set-Cookie"], "|")
		if got := a.Header.Get("Clear-Site-Data"); got != want || strings.Contains(gone, choice.Cookie) || strings.Contains(gone, "login=; Path=/; Max-Age=0") != (given != want) {
			t.Errorf("%s becomes %q, and the cookies %q", given, got, gone)
		}
		if a = ask(g.Handler(site("image/png", "x", "Clear-Site-Data", given)), "GET", "https://harbour.example/"); a.Header.Get("Clear-Site-Data") != want {
			t.Errorf("of a picture, %s becomes %q", given, a.Header.Get("Clear-Site-Data"))
		}
	}
}

// TestNobodysCookie: an answer that caches may give to everybody has nobody's
// cookie, neither one that is withdrawn nor one that is expired.
func TestNobodysCookie(t *testing.T) {
	g, _ := newGate(t)
	a := ask(g.Handler(site("image/png", "x", "Cache-Control", "public, max-age=60")), "GET", "https://harbour.example/a.png",
		"Cookie", yes(t, g)+"; evil=1", "Sec-Gpc", "1", "Sec-Fetch-Dest", "")
	if got := a.Header["Set-Cookie"]; len(got) != 0 {
		t.Errorf("a picture sets %q", got)
	}
}
