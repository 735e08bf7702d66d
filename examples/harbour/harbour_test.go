package harbour_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/statement"
)

const elsewhere = "http://127.0.0.1:9"

var paths = []string{"/", "/products", "/basket", "/contact", "/survey", "/newsletter", "/careers", "/workshop"}

func get(t *testing.T, path string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	harbour.Handler(harbour.Elsewhere{Maps: elsewhere, Metrics: elsewhere}).ServeHTTP(w, r)
	return w
}

// page returns every element of a page, in order.
func page(t *testing.T, path string, cookies ...*http.Cookie) (all []*html.Node) {
	t.Helper()
	w := get(t, path, cookies...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d", path, w.Code)
	}
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

var full = &http.Cookie{Name: "basket", Value: "tide-clock.pocket-sextant"}

func compiled(t *testing.T) *statement.Statement {
	t.Helper()
	s, _ := statement.Compile("statement.md", harbour.Statement, nil)
	if s == nil {
		t.Fatal("the statement does not compile")
	}
	return s
}

// Every link leads somewhere: to a page here, to avow, or to a host that is
// reserved for examples.
func TestLinks(t *testing.T) {
	for _, path := range paths {
		for _, n := range page(t, path) {
			for _, key := range []string{"href", "src", "action"} {
				if !has(n, key) {
					continue
				}
				to := attr(n, key)
				u, err := url.Parse(to)
				switch {
				case err != nil:
					t.Errorf("%s: %s: %v", path, to, err)
				case u.Host != "" && !strings.HasSuffix(u.Host, ".example") && !strings.HasPrefix(to, elsewhere):
					t.Errorf("%s leads to %s, which could exist", path, to)
				case u.Host == "" && u.Path != "" && !strings.HasPrefix(u.Path, "/privacy") && !strings.HasPrefix(u.Path, "/f/"):
					if w := get(t, u.Path); w.Code != http.StatusOK {
						t.Errorf("%s leads to %s: status %d", path, to, w.Code)
					}
				}
			}
		}
	}
}

// Each form asks for what the statement says of its collection, in its words,
// and its notice says how long and what for.
func TestFormsAreTheStatements(t *testing.T) {
	s := compiled(t)
	seen := map[avow.Collection]bool{}
	for _, path := range paths {
		for _, form := range page(t, path, full) {
			name, ours := strings.CutPrefix(attr(form, "action"), "/f/")
			if form.Data != "form" || !ours {
				continue
			}
			c := s.Collection(avow.Collection(name))
			if c == nil || attr(form, "method") != "post" {
				t.Fatalf("%s: form %q is no collection, or is not posted", path, name)
			}
			seen[c.Name] = true
			checkForm(t, s, c, form)
		}
	}
	for _, c := range s.Collect {
		if c.By == "form" && !seen[c.Name] {
			t.Errorf("no page has the form %s", c.Name)
		}
	}
}

func checkForm(t *testing.T, s *statement.Statement, c *statement.Collection, form *html.Node) {
	t.Helper()
	asked := map[string]bool{} // name → required
	var notice string
	for n := range form.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case attr(n, "class") == "notice":
			notice = text(n)
		case has(n, "name"):
			name := attr(n, "name")
			asked[name] = asked[name] || has(n, "required")
			d := s.Datum(avow.Field(name))
			if d == nil {
				t.Errorf("%s asks for %s, which the statement does not know", c.Name, name)
			} else if attr(n, "type") == "radio" && !slices.Contains(d.Choices, attr(n, "value")) {
				t.Errorf("%s: %q is no choice of %s", c.Name, attr(n, "value"), name)
			} else if n.Data == "textarea" && attr(n, "maxlength") != fmt.Sprint(d.Max) {
				t.Errorf("%s: %s takes %s characters, the statement %d", c.Name, name, attr(n, "maxlength"), d.Max)
			}
		}
	}
	for _, f := range c.Fields {
		required, ok := asked[string(f.Name)]
		if !ok || required != f.Required {
			t.Errorf("%s: %s: asked %v, required %v; the statement says required %v", c.Name, f.Name, ok, required, f.Required)
		}
		delete(asked, string(f.Name))
	}
	if len(asked) > 0 {
		t.Errorf("%s asks for %v beside what the statement says", c.Name, asked)
	}
	for _, want := range []string{"kept " + c.Keep.String(), "to " + s.Purpose(c.For[0]).Say} {
		if !strings.Contains(notice, want) {
			t.Errorf("%s: the notice %q does not say %q", c.Name, notice, want)
		}
	}
}

// What the pages load from elsewhere is a map and a script, and nothing else, and
// no page needs them, or any script of its own.
func TestThirdParties(t *testing.T) {
	loaded := map[string]bool{}
	for _, path := range paths {
		for _, n := range page(t, path) {
			src := attr(n, "src")
			if strings.Contains(src, "//") {
				loaded[src] = true
			}
			if n.Data == "script" && src == "" || n.Data == "style" || has(n, "style") || has(n, "onclick") {
				t.Errorf("%s has inline code or style", path)
			}
		}
	}
	if want := 2; len(loaded) != want || !loaded[elsewhere+"/northhaven"] || !loaded[elsewhere+"/metrics.js"] {
		t.Errorf("loaded from elsewhere: %v", loaded)
	}
	w := httptest.NewRecorder()
	harbour.Handler(harbour.Elsewhere{}).ServeHTTP(w, httptest.NewRequest("GET", "/workshop", nil))
	if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "<iframe") {
		t.Error("without a third party there is still a part of one")
	}
}

func TestThirdPartiesServe(t *testing.T) {
	h := harbour.Metrics()
	for _, c := range []struct {
		from    http.Handler
		path    string
		kind    string
		cookies int
	}{{harbour.Maps(), "/northhaven", "text/html", 0}, {h, "/metrics.js", "text/javascript", 1}} {
		w := httptest.NewRecorder()
		c.from.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), c.kind) || len(w.Result().Cookies()) != c.cookies {
			t.Errorf("%s: %d %v", c.path, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/beacon", strings.NewReader("x")))
	if w.Code != http.StatusNoContent {
		t.Errorf("beacon: %d", w.Code)
	}
}

func TestBasket(t *testing.T) {
	h := harbour.Handler(harbour.Elsewhere{})
	post := func(was, body string) *http.Cookie {
		t.Helper()
		r := httptest.NewRequest("POST", "/basket", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "basket", Value: was})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		set := w.Result().Cookies()
		if w.Code != http.StatusSeeOther || len(set) != 1 || set[0].Name != "basket" {
			t.Fatalf("%s: %d %v", body, w.Code, set)
		}
		return set[0]
	}
	for _, c := range []struct{ was, body, want string }{
		{"", "add=tide-clock", "tide-clock"},
		{"tide-clock", "add=tide-clock", "tide-clock"},
		{"pocket-sextant", "add=tide-clock", "tide-clock.pocket-sextant"},
		{"tide-clock.pocket-sextant", "remove=tide-clock", "pocket-sextant"},
		{"pocket-sextant", "remove=pocket-sextant", ""},
		{"<script>", "add=%3Cscript%3E", ""},
	} {
		got := post(c.was, c.body)
		if got.Value != c.want {
			t.Errorf("%q, %s: %q, want %q", c.was, c.body, got.Value, c.want)
		}
		// The statement says: for the session.
		if c.want != "" && (got.MaxAge != 0 || !got.Expires.IsZero()) || c.want == "" && got.MaxAge >= 0 {
			t.Errorf("%q, %s: lives %d, %v", c.was, c.body, got.MaxAge, got.Expires)
		}
	}
}

// The instruments for sale are the choices that the order form accepts.
func TestInstrumentsAreChoices(t *testing.T) {
	choices := compiled(t).Datum("instrument").Choices
	for _, i := range harbour.Instruments {
		if !slices.Contains(choices, i.Name) {
			t.Errorf("%s is no choice of the statement", i.Name)
		}
	}
	if len(choices) != len(harbour.Instruments) {
		t.Errorf("%d choices for %d instruments", len(choices), len(harbour.Instruments))
	}
}

func TestLostPage(t *testing.T) {
	if w := get(t, "/nowhere"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "harbour") {
		t.Errorf("%d", w.Code)
	}
}

// Nothing is a raster image, and no drawing reaches out.
func TestDrawings(t *testing.T) {
	err := fs.WalkDir(harbour.Site, "art", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(harbour.Site, name)
		if !strings.HasSuffix(name, ".svg") || strings.Contains(string(src), "<script") || strings.Count(string(src), "://") != 1 {
			t.Errorf("%s is more than a drawing", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
