package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Only proxies of ours are believed, and of a list only what they themselves
// added.
func TestVisitors(t *testing.T) {
	ours := Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}
	for name, c := range map[string]struct {
		config Config
		peer   string
		list   []string
		want   string
		proto  string
	}{
		"nobody before us":           {Config{}, "203.0.113.9:4000", nil, "203.0.113.9:4000", ""},
		"a visitor who claims":       {Config{}, "203.0.113.9:4000", []string{"1.2.3.4"}, "203.0.113.9:4000", ""},
		"a proxy on this machine":    {Config{}, "127.0.0.1:4000", []string{"198.51.100.7"}, "198.51.100.7:0", "https"},
		"and a visitor who claims":   {Config{}, "127.0.0.1:4000", []string{"1.2.3.4, 198.51.100.7"}, "198.51.100.7:0", "https"},
		"in a header of its own":     {Config{}, "127.0.0.1:4000", []string{"1.2.3.4", "198.51.100.7"}, "198.51.100.7:0", "https"},
		"two proxies":                {ours, "10.0.0.2:80", []string{"1.2.3.4, 198.51.100.7, 10.0.0.3"}, "198.51.100.7:0", "https"},
		"IPv6":                       {ours, "[2001:db8::1]:80", []string{"2001:4860::8"}, "[2001:4860::8]:0", "https"},
		"mapped":                     {ours, "[::ffff:10.0.0.2]:80", []string{"::ffff:198.51.100.7"}, "198.51.100.7:0", "https"},
		"nonsense":                   {ours, "10.0.0.2:80", []string{"198.51.100.7, unknown"}, "10.0.0.2:80", "https"},
		"others than loopback alone": {ours, "127.0.0.1:80", []string{"198.51.100.7"}, "127.0.0.1:80", ""},
		"none but proxies":           {ours, "10.0.0.2:80", []string{"10.0.0.4, 10.0.0.3"}, "10.0.0.4:0", "https"},
		"a path":                     {ours, "@", []string{"198.51.100.7"}, "@", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.list
		r.Header.Set("X-Forwarded-Proto", "https")
		var got, proto string
		c.config.visitors(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, proto = r.RemoteAddr, r.Header.Get("X-Forwarded-Proto")
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want || proto != c.proto {
			t.Errorf("%s: %s %q, want %s %q", name, got, proto, c.want, c.proto)
		}
	}
}
