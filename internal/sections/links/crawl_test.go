package links

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/internal/egress"
)

// site serves pages by path; what begins with -> redirects.
func site(t *testing.T, pages map[string]string) (*url.URL, *egress.Door) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.RequestURI()]
		to, redirects := strings.CutPrefix(body, "->")
		switch {
		case !ok:
			http.NotFound(w, r)
		case redirects:
			http.Redirect(w, r, to, http.StatusFound)
		case strings.HasSuffix(r.URL.Path, ".pdf"):
			w.Header().Set("Content-Type", "application/pdf")
			io.WriteString(w, body)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, body)
		}
	}))
	t.Cleanup(server.Close)
	start, err := url.Parse(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	door, err := egress.New(egress.Options{Own: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(door.Close)
	return start, door
}

const says = `<span role="img" aria-label="leaves this site">↗</span>`

func TestCrawl(t *testing.T) {
	start, door := site(t, map[string]string{
		"/": `<a href="/a">a</a> <a href="b?x=1#y">b</a> <a href="/a.pdf">file</a> <a href="/gone">gone</a> <a href="https://harbour.example/other">ours</a> <a href="/away">away</a>
			<a href="https://museum.example/x">Museum ` + says + `</a> <a href="mailto:ada@example.com">mail</a> <a href="javascript:x()">x</a> <a>none</a> <a href="/round">round</a>`,
		"/a": `<a href="https://museum.example/">Museum</a><a href=//TIDES.example:443>Tides (Leaves this site)</a>
			<a href="https://museum.example/y" aria-label="Museum">Museum ` + says + `</a>
			<map><area href="https://map.example" alt="Map leaves this site"><area href="https://map.example" alt="Map"></map>
			<a href="https://crm.example/?email=ada%40example.com">crm ` + says + `</a>
			<a href="/privacy/out?to=https%3A%2F%2Fhop.example%2F%3Fuid%3D7&s=x">hop ` + says + `</a>
			<!-- <a href="https://comment.example">x</a> --><script>"<a href='https://script.example'>"</script>`,
		"/b?x=1": `<base href="https://base.example/deep/"><a href="z">z ` + says + `</a>`,
		"/away":  "->https://redirected.example/?q=sub_01jdxkq7c8f3m5n7p9r1t3v5x7",
		"/round": "->/a",
		"/a.pdf": "%PDF",
	})
	c := Crawler{Door: door, Start: start, Ours: []string{"https://harbour.example"}, Says: []string{"verlässt", "leaves this site"}, Fields: []string{"email"}}
	got, err := c.Crawl(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	leak := func(host, kind, where string) LinkFound { return LinkFound{"/a", host, Leak{kind, where}} }
	want := &Report{Pages: 5, Links: 10, Failed: []string{"/gone"},
		Hosts: []HostFound{{"base.example", 1, []string{"/b"}}, {"crm.example", 1, []string{"/a"}}, {"hop.example", 1, []string{"/a"}}, {"map.example", 2, []string{"/a"}},
			{"museum.example", 3, []string{"/", "/a"}}, {"redirected.example", 1, []string{"/away"}}, {"tides.example", 1, []string{"/a"}}},
		Unlabelled: []LinkFound{{On: "/a", Host: "map.example"}, {On: "/a", Host: "museum.example"}, {On: "/a", Host: "museum.example"}},
		Leaks:      []LinkFound{leak("crm.example", "e-mail address", "email"), leak("crm.example", "field", "email"), leak("hop.example", "id", "uid"), {"/away", "redirected.example", Leak{"id", "q"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCrawlEnds: a site without end is looked at in part, and says so.
func TestCrawlEnds(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		w.Header().Set("Content-Type", "text/html")
		for i := range 50 {
			fmt.Fprintf(w, `<a href="/%d/%d">x</a>`, n, i)
		}
	}))
	defer server.Close()
	start, _ := url.Parse(server.URL + "/")
	door, err := egress.New(egress.Options{Own: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	c := Crawler{Door: door, Start: start, Pages: 30}
	if got, err := c.Crawl(t.Context()); err != nil || !got.More || got.Pages != 30 || asked.Load() != 30 {
		t.Errorf("it is %+v (%v), and %d were asked for", got, err, asked.Load())
	}
	server.Close()
	if _, err := c.Crawl(t.Context()); err == nil {
		t.Error("a site that is not there has pages")
	}
}

func TestCarried(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/": "[]",
		"https://a.example/search?q=tide+clocks&page=2&lang=en": "[]",
		"https://a.example/2026/11/24/12345678":                 "[]",
		"https://a.example/?utm_source=harbour&ref=7":           "[]",
		"https://a.example/@harbour":                            "[]",
		"https://a.example/?q=ada@example.com":                  "[{e-mail address q}]",
		"https://a.example/?q=ada%40example.com":                "[{e-mail address q}]",
		"https://a.example/?q=ada%2540example.com":              "[{e-mail address q}]",
		"https://a.example/?q=YWRhQGV4YW1wbGUuY29t":             "[{e-mail address q}]",
		"https://a.example/?q=YWRhQGV4YW1wbGUuY29t==":           "[{e-mail address q}]",
		"https://a.example/?ada@example.com=1":                  "[{e-mail address a parameter}]",
		"https://a.example/u/ada@example.com/x":                 "[{e-mail address path}]",
		"https://a.example/#ada@example.com":                    "[{e-mail address fragment}]",
		"https://ada@a.example/":                                "[{name or password before the host}]",
		"https://a.example/?q=ada@b%C3%BCcher.example":          "[{e-mail address q}]",
		"https://a.example/?q=%2B44+20+7946+0958":               "[{phone number q}]",
		"https://a.example/?q=+442079460958":                    "[{phone number q}]",
		"https://a.example/?q=0044-20-7946-0958":                "[{phone number q}]",
		"https://a.example/?r=sub_01jdxkq7c8f3m5n7p9r1t3v5x7":   "[{id r}]",
		"https://a.example/?User-ID=7&user_id=":                 "[{id User-ID}]",
		"https://a.example/?email_sha256=00ff":                  "[{id email_sha256}]",
		"https://a.example/?instrument=sextant":                 "[{field instrument}]",
		"https://a.example/?a=1;Instrument=sextant":             "[{field Instrument}]",
		"https://a.example/?instrument=":                        "[]",
		"https://a.example/?%zz=ada@example.com&%zz":            "[{e-mail address a parameter}]",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(Carried(u, []string{"instrument"})); got != want {
			t.Errorf("%s carries %s, want %s", address, got, want)
		}
	}
}

// TestCarriedIsNotTold: what leaks is not in what is said about it.
func TestCarriedIsNotTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z]{6,20}@[a-z]{3,10}\.example`).Draw(t, "address")
		form := rapid.SampledFrom([]string{"https://a.example/%s", "https://a.example/?q=%s", "https://a.example/?%s", "https://a.example/?%s=1", "https://a.example/#%s"}).Draw(t, "form")
		u, err := url.Parse(fmt.Sprintf(form, url.QueryEscape(address)))
		if err != nil {
			t.Fatal(err)
		}
		found := Carried(u, nil)
		name, _, _ := strings.Cut(address, "@")
		if len(found) == 0 || strings.Contains(fmt.Sprint(found), name) {
			t.Fatalf("%s: %v", u, found)
		}
	})
}

func TestStatement(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"by its name":    {`<a href="/about">About</a><a href="/legal/x">Privacy policy</a>`, "/legal/x"},
		"in German":      {`<a href="/ds">Datenschutzerklärung</a>`, "/ds"},
		"in French":      {`<a href="/c">Politique de confidentialité</a>`, "/c"},
		"by its address": {`<a href="/privacy-policy"><img src=x></a>`, "/privacy-policy"},
		"a name before":  {`<a href="/privacy-tools">Tools</a><a href="/p">Privacy</a>`, "/p"},
		"none":           {`<a href="/about">About</a>`, ""},
		"one of no page": {`<a href="mailto:privacy@a.example">Privacy</a>`, ""},
	} {
		start, _ := url.Parse("https://a.example/")
		got := statementOn(read(start, []byte(c.page)))
		want := c.want
		if want != "" {
			want = "https://a.example" + want
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// FuzzRead reads pages as strangers write them.
func FuzzRead(f *testing.F) {
	f.Add(`<a href="https://a.example">x<area href=//b.example alt=y></a>`)
	f.Add("<base href='http://[::1'><a href=' \n//x'>")
	at, _ := url.Parse("https://harbour.example/x")
	f.Fuzz(func(t *testing.T, page string) {
		for _, a := range read(at, []byte(page)) {
			if a.to.Host == "" || a.to.Scheme != "http" && a.to.Scheme != "https" {
				t.Errorf("%q leads to %s", page, a.to)
			}
			Carried(a.to, nil)
			Normal(a.to.Host)
		}
	})
}
