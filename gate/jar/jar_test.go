package jar

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestLife: how long a cookie is asked to live.
func TestLife(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"a=1; Max-Age=60":                               time.Minute,
		"a=1; max-age = 60 ; Expires=x":                 time.Minute,
		"a=1; Expires=Tue, 24-Nov-2026 12:01:00 GMT":    time.Minute,
		"a=1; Expires=Tue, 24-Nov-26 12:01:00 GMT":      time.Minute,
		"a=1; Expires=Tuesday, 24-Nov-26 12:01:00 GMT":  time.Minute,
		"a=1; Max-Age=-5":                               0,
		"a=1; Expires=Tue, 24 Nov 2026 11:00:00 GMT; x": -time.Hour,
	} {
		if got, sure, any := life(line, noon); got != want || !sure || !any {
			t.Errorf("%q lives %v (%v, %v)", line, got, sure, any)
		}
	}
}

// TestPlaces: where a script can have put a cookie, the likeliest first.
func TestPlaces(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "": "/", "/a": "/ /a", "/a/b": "/ /a/b /a/ /a", "/a/b/": "/ /a/b/ /a/b /a/ /a", "/a;b": "/", "/ü": "/", "//": "/ //", "x": "/",
	} {
		if got := strings.Join(slices.Collect(Paths(path)), " "); got != want {
			t.Errorf("for %q there are %q, want %q", path, got, want)
		}
	}
	for host, want := range map[string]string{
		"": "", "localhost": "", "127.0.0.1": "", "[::1]": "", "b.example": "; Domain=b.example", "a.b.example": "; Domain=a.b.example; Domain=b.example", "a;b.example": "",
	} {
		if got := strings.Join(slices.Collect(Domains(host)), ""); got != want {
			t.Errorf("for %q there are %q, want %q", host, got, want)
		}
	}
}

// FuzzShorten: whatever a site writes, the cookie keeps its name and lives no
// longer than it may, as net/http reads it.
func FuzzShorten(f *testing.F) {
	for _, s := range []string{"a=1", "a=1; Max-Age=9999999", "a=1; Expires=Fri, 01 Jan 2038 00:00:00 GMT; Path=/", "a=; Max-Age=0", "a=1;;max-age=1;Max-Age=99999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		short := Shorten(line, false, avow.Period{Days: 1}, noon)
		if Name(short) != Name(line) {
			t.Errorf("%q becomes %q", line, short)
		}
		w := httptest.NewRecorder()
		w.Header()["Set-Cookie"] = []string{short}
		for _, c := range w.Result().Cookies() {
			if c.MaxAge > 86400 || c.MaxAge == 0 && c.Expires.After(noon.AddDate(0, 0, 1)) {
				t.Errorf("%q lives for %d s, until %v", short, c.MaxAge, c.Expires)
			}
		}
	})
}
