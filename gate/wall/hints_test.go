package wall

import (
	"net/http"
	"strings"
	"testing"
)

func asks(host string) bool { return host == "own.example" || host == "cdn.example:8443" }

// TestHints: no hint, report or other server leads to a host that may not be
// asked, in whatever way browsers read one.
func TestHints(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"Link", "</a>; rel=preload", "</a>; rel=preload"},
		{"Link", "<https://own.example/a>; rel=preload", "<https://own.example/a>; rel=preload"},
		{"Link", "<https://cdn.example:8443>; rel=preconnect", "<https://cdn.example:8443>; rel=preconnect"},
		{"Link", "<https://evil.example/a>; rel=preload, </b>; rel=preload", "</b>; rel=preload"},
		{"Link", "<https://evil.example/a>; rel=canonical", "<https://evil.example/a>; rel=canonical"},
		{"Link", "<https:\\\\evil.example/a>; rel=preconnect", ""},
		{"Link", "</\\evil.example/a>; rel=preconnect", ""},
		{"Link", "<https:evil.example/a>; rel=preconnect", ""},
		{"Link", "<HTTPS:/evil.example/a>; rel=preconnect", ""},
		{"Link", "<https:///evil.example/a>; rel=preconnect", ""},
		{"Link", "<//own.example@evil.example/a>; rel=preconnect", ""},
		{"Link", "<//own.example:80@evil.example/a>; rel=preconnect", ""},
		{"Link", "<//own.example\xad.evil.example/a>; rel=preconnect", ""},
		{"Link", "</\t/evil.example/a>; rel=preconnect", ""},
		{"Refresh", "0; url=https://evil.example/", ""},
		{"Refresh", "5; url=/next", "5; url=/next"},
		{"Alt-Svc", `h2="evil.example:443"`, ""},
		{"Speculation-Rules", `"https://evil.example/rules.json"`, ""},
		{"Speculation-Rules", `"/rules.json"`, `"/rules.json"`},
		{"Reporting-Endpoints", `a="https://evil.example/r"`, ""},
		{"Reporting-Endpoints", `a="https://own.example/r", b="/r"`, `a="https://own.example/r", b="/r"`},
		{"Report-To", `{"group":"a","max_age":9,"endpoints":[{"url":"https://own.example/r"}]}`, `{"group":"a","max_age":9,"endpoints":[{"url":"https://own.example/r"}]}`},
		{"Report-To", `{"group":"a","max_age":9,"endpoints":[{"url":"https:\/\/evil.example\/r"}]}`, ""},
		{PolicyHeader, "default-src 'self' https://evil.example; report-uri /r", "default-src 'self' https://evil.example; report-uri /r"},
		{PolicyHeader, "img-src 'none'; report-uri https://evil.example/r /r; font-src 'none', a b; REPORT-URI //evil.example", "img-src 'none'; font-src 'none', a b"},
		{PolicyHeader + "-Report-Only", "img-src 'none';report-uri https://evil.example/r", "img-src 'none'"},
	} {
		h := http.Header{http.CanonicalHeaderKey(c.name): {c.line}}
		Hints(h, asks)
		if got := strings.Join(h[http.CanonicalHeaderKey(c.name)], "|"); got != c.want {
			t.Errorf("%s: %s becomes %q, want %q", c.name, c.line, got, c.want)
		}
	}
}
