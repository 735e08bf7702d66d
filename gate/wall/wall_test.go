package wall

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

const text = `---
statement: 1
organisation: {name: Quay Clocks, site: [https://quay.example, https://shop.quay.example], contact: privacy@quay.example}
updated: 2026-11-24
cookies:
  basket: {for: hold your order, keep: session, necessary: true}
  theme: {for: remember how you like it, keep: 12 months}
trackers:
  maps.example: {for: show the way, consent: opt-in}
  tiles.maps.example: {for: show the way, consent: opt-in}
  cdn.example: {for: deliver pictures, consent: none}
  ads.example: {for: pay for this site, consent: opt-out}
---
# Privacy

{{cookies}}

{{trackers}}
`

func compile(t testing.TB, text string) *statement.Statement {
	t.Helper()
	s, found := statement.Compile("x.md", []byte(text), []statement.Kind{"cookies", "trackers"})
	if found.Failed() {
		t.Fatal(found)
	}
	return s
}

func TestOffers(t *testing.T) {
	var got []string
	for _, o := range choice.Offered(compile(t, text)) {
		got = append(got, o.Name+": "+strings.Join(append(o.Hosts, o.Cookies...), " "))
	}
	if diff := cmp.Diff([]string{"maps.example: maps.example tiles.maps.example", "ads.example: ads.example", "theme: theme"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeaders(t *testing.T) {
	w := New(compile(t, text), Options{Base: "/privacy"})
	const own = " https://quay.example https://shop.quay.example"
	for set, hosts := range map[choice.Set]string{0: " cdn.example", 1: " cdn.example maps.example tiles.maps.example", 2: " ads.example cdn.example", 4: " cdn.example"} {
		h := w.Headers(set)
		sockets := " wss://quay.example wss://shop.quay.example"
		for _, host := range strings.Fields(hosts) {
			sockets += " ws://" + host + " wss://" + host
		}
		const local = "'self' data: blob: filesystem: mediastream:"
		want := "default-src " + local + " 'unsafe-inline' 'unsafe-eval'" + own + hosts + "; connect-src " + local + own + hosts + sockets +
			"; form-action 'self'" + own + hosts + "; base-uri 'self'" + own + hosts + "; report-uri /privacy/reports"
		if h[0].Name != "Content-Security-Policy" || h[0].Values[0] != want {
			t.Errorf("%b: %s", set, h[0])
		}
	}
	if got, want := w.Headers(1)[1], `(response-origin "https://quay.example/*" "https://shop.quay.example/*" "*://cdn.example/*" "*://maps.example/*" "*://tiles.maps.example/*" "mailto:*" "tel:*" "sms:*");redirects=allow;report-to=avow`; got.Values[0] != want {
		t.Errorf("%s", got.Values[0])
	}
	watching := New(compile(t, text), Options{Base: "/privacy", Observe: true, Standins: map[string]string{"maps.example": "http://127.0.0.1:99"}})
	for i, want := range []string{"Content-Security-Policy-Report-Only", "Connection-Allowlist-Report-Only", "Reporting-Endpoints"} {
		if got := watching.Headers(1)[i]; got.Name != want {
			t.Errorf("observing sends %s", got.Name)
		}
	}
	if h := watching.Headers(1); strings.Contains(h[0].Values[0], " maps.example") || !strings.Contains(h[0].Values[0], " http://127.0.0.1:99") ||
		!strings.Contains(h[1].Values[0], `"http://127.0.0.1:99/*"`) {
		t.Errorf("a stand-in is not used: %v", h)
	}
}

// What ends a directive gets into no header, however it is declared.
func TestHeadersHold(t *testing.T) {
	s := *compile(t, text)
	s.Organisation.Site = []string{"https://a;script-src", "https://b\"c", "https://d,e", "https://*", "https://quay.example"}
	for _, h := range New(&s, Options{}).Headers(0) {
		if strings.Contains(h.Values[0], "a;script") || strings.Contains(h.Values[0], `b"c`) || strings.Contains(h.Values[0], "d,e") || strings.Contains(h.Values[0], "https://*") {
			t.Error(h)
		}
	}
}

func TestJudge(t *testing.T) {
	w := New(compile(t, text), Options{Base: "/privacy", Standins: map[string]string{"maps.example": "http://127.0.0.1:99"}})
	for _, c := range []struct {
		host string
		set  choice.Set
		want markup.Verdict
	}{
		{"quay.example", 0, markup.Ours}, {"quay.example:443", 0, markup.Ours}, {"here.test:8080", 0, markup.Ours}, {"here.test", 0, markup.Undeclared},
		{"shop.quay.example", 0, markup.Ours}, {"other.quay.example", 0, markup.Undeclared}, {"quay.example.evil.example", 0, markup.Undeclared},
		{"maps.example", 0, markup.Waiting}, {"maps.example", 1, markup.Allowed}, {"maps.example.", 1, markup.Allowed}, {"maps.example:8443", 1, markup.Undeclared},
		{"127.0.0.1:99", 0, markup.Waiting}, {"127.0.0.1:99", 1, markup.Allowed}, {"127.0.0.1:98", 1, markup.Undeclared},
		{"cdn.example", 0, markup.Allowed}, {"ads.example", 0, markup.Waiting}, {"ads.example", 2, markup.Allowed}, {"", 7, markup.Undeclared},
	} {
		if got := w.Judge([]byte("here.test:8080"), []byte(c.host), c.set); got != c.want {
			t.Errorf("%s with %b: %d, not %d", c.host, c.set, got, c.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { w.Judge([]byte("here.test"), []byte("maps.example"), 1); w.Headers(1) }); n > 0 {
		t.Errorf("%v allocations for each judgement", n)
	}
}

// A host is declared with all below it, or once more by itself.
func TestUnder(t *testing.T) {
	w := New(compile(t, strings.Replace(text, "  maps.example:", "  \"*.cdn.example\": {for: deliver films, consent: opt-in}\n  maps.example:", 1)), Options{})
	for _, c := range []struct {
		host string
		set  choice.Set
		want markup.Verdict
	}{
		{"a.cdn.example", 0, markup.Waiting}, {"a.cdn.example", 1, markup.Allowed}, {"a.b.cdn.example", 1, markup.Allowed}, {"cdn.example", 0, markup.Allowed},
		{"acdn.example", 1, markup.Undeclared}, {".cdn.example", 1, markup.Undeclared}, {"a.cdn.example.evil", 1, markup.Undeclared},
	} {
		if got := w.Judge([]byte("here.test"), []byte(c.host), c.set); got != c.want {
			t.Errorf("%s with %b: %d, not %d", c.host, c.set, got, c.want)
		}
	}
	if h := w.Headers(1); !strings.Contains(h[0].Values[0], " *.cdn.example ") || !strings.Contains(h[1].Values[0], `"*://*.cdn.example/*"`) {
		t.Error(h)
	}
}

func TestCookie(t *testing.T) {
	w := New(compile(t, text), Options{})
	for _, c := range []struct {
		name              string
		set               choice.Set
		declared, allowed bool
	}{
		{"basket", 0, true, true}, {"theme", 3, true, false}, {"theme", 4, true, true}, {"Basket", 0, false, false}, {"_ga", 7, false, false},
		{"avow-choice", 0, true, true}, {"", 7, false, false},
	} {
		if declared, allowed := w.Cookie(c.name, c.set); declared != c.declared || allowed != c.allowed {
			t.Errorf("%s with %b: %v %v", c.name, c.set, declared, allowed)
		}
	}
}

func TestReport(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []Violation
	}{
		"csp": {`{"csp-report":{"document-uri":"https://quay.example/a?email=ada@example.com","blocked-uri":"https://Ads.example/p?id=ada","violated-directive":"default-src 'self'","effective-directive":"img-src","disposition":"enforce"}}`,
			[]Violation{{ThirdParty, "ads.example", "/a", "img-src", false}}},
		"old browser": {`{"csp-report":{"document-uri":"https://quay.example/a","blocked-uri":"https://ads.example","violated-directive":"img-src 'self' data:"}}`,
			[]Violation{{ThirdParty, "ads.example", "/a", "img-src", false}}},
		"reporting": {`[{"type":"csp-violation","url":"https://quay.example/b?x=1","body":{"documentURL":"https://quay.example/b?x=1","blockedURL":"wss://live.example/","effectiveDirective":"connect-src","disposition":"report"}},{"type":"deprecation","url":"https://quay.example/"}]`,
			[]Violation{{ThirdParty, "live.example", "/b", "connect-src", true}}},
		"allowlist": {`[{"age":0,"body":{"connection":"https://bad.example:1/fetch?q=ada","disposition":"enforce"},"type":"connection-allowlist","url":"https://quay.example/b?x=1","user_agent":"Chrome/156.0.0.0"}]`,
			[]Violation{{ThirdParty, "bad.example:1", "/b", "connection-allowlist", false}}},
		"peer": {`[{"age":22,"body":{"allowlist":["https://quay.example"],"connection":"webrtc","disposition":"report","url":"https://quay.example/c"},"type":"connection-allowlist","url":"https://quay.example/c"}]`,
			[]Violation{{Peer, "webrtc", "/c", "connection-allowlist", true}}},
		"program": {`[{"age":8,"body":{"connection":"","disposition":"enforce"},"type":"connection-allowlist","url":"https://quay.example/plain"}]`, nil},
		"srcdoc": {`{"csp-report":{"document-uri":"about","referrer":"https://quay.example/d?x","blocked-uri":"http://bad.example:99/srcdoc","effective-directive":"img-src"}}`,
			[]Violation{{ThirdParty, "bad.example:99", "/d", "img-src", false}}},
		"extension": {`{"csp-report":{"document-uri":"https://quay.example/a","blocked-uri":"chrome-extension://abc","effective-directive":"script-src"}}`, nil},
		"inline":    {`{"csp-report":{"document-uri":"https://quay.example/a","blocked-uri":"inline","effective-directive":"script-src"}}`, nil},
		"ourselves": {`{"csp-report":{"document-uri":"https://quay.example/a","blocked-uri":"https://quay.example/b","effective-directive":"script-src"}}`, nil},
		"no word":   {`{"csp-report":{"document-uri":"https://quay.example/a","blocked-uri":"https://b.example/","effective-directive":"<b>ada@example.com"}}`, nil},
	} {
		got, err := Report([]byte(c.body))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, body := range []string{"", "{}", "null", "[1]", `{"csp-report":1}`, strings.Repeat(" ", MaxReport+1), `"x"`} {
		if got, err := Report([]byte(body)); err == nil && len(got) > 0 {
			t.Errorf("%.20q is read as %v", body, got)
		}
	}
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"csp-report":{"document-uri":"https://quay.example/a?b","blocked-uri":"https://ads.example","effective-directive":"img-src"}}`))
	f.Add([]byte(`[{"type":"connection-allowlist","url":"https://quay.example/b","body":{"url":"https://x.example/"}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := Report(body)
		if err != nil && len(all) > 0 || len(all) > maxReports {
			t.Fatalf("%d with %v", len(all), err)
		}
		for _, v := range all {
			if strings.ContainsAny(v.Where, "?#\n") || strings.ContainsAny(v.What, "/?#@\n ") || len(v.What) > maxText || len(v.Where) > maxText {
				t.Errorf("%+v", v)
			}
		}
	})
}

// The real statement this program was born from, and our own, have a wall.
func TestExample(t *testing.T) {
	src, err := os.ReadFile("../../internal/statement/testdata/en.md")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := statement.Compile("en.md", src, nil)
	w := New(s, Options{Base: "/privacy"})
	if !strings.Contains(w.Headers(1)[0].Values[0], "maps.harbour.example") || strings.Contains(w.Headers(0)[0].Values[0], "maps.harbour.example") {
		t.Error(w.Headers(1), w.Headers(0))
	}
}
