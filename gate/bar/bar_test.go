package bar_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

// some are offers as a site of some size has them.
var some = choice.Offers{
	{Name: "maps.harbour.example", For: "show the way to our workshop", Hosts: []string{"maps.harbour.example"}, Hash: 1},
	{Name: "video.example", For: "play films of our instruments", Hosts: []string{"video.example", "img.video.example"}, Cookies: []string{"volume"}, Hash: 2},
	{Name: "_pk_id", For: "count visits & visitors", Cookies: []string{"_pk_id"}, Hash: 3},
}

func about(language string) *statement.Statement {
	return &statement.Statement{Language: language, Organisation: statement.Organisation{Name: "Harbour", Site: []string{"https://harbour.example"}},
		Cookies: []statement.Cookie{{Name: "basket", Keep: "session", Consent: "none"}, {Name: "volume", Keep: "12 months"}, {Name: "_pk_id", Keep: "session"}}}
}

func gzipped(t *testing.T, text []byte) int {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(text)
	_ = w.Close()
	return out.Len()
}

var ask = choice.Decision{Ask: true}

// TestSize holds what consent costs a visitor to 2 KB: question, preferences,
// style and script together.
func TestSize(t *testing.T) {
	for _, language := range []string{"en", "de", "fr", "es"} {
		body := bar.New(about(language), some, "/privacy").Body(ask, "/shop?page=2", false, bar.Style{Inline: true})
		size := gzipped(t, body)
		t.Logf("%s: %d bytes, gzipped %d", language, len(body), size)
		if size > 2048 {
			t.Errorf("%s: gzipped it is %d bytes", language, size)
		}
	}
	var guard = bar.New(about("en"), some, "/privacy").Head(0, ask, true, bar.Style{Inline: true})
	if len(guard) >= 600 || len(guard) < 100 {
		t.Errorf("the guard is %d bytes", len(guard))
	}
}

// TestOneLayer: no and yes are the same but for the word, nothing is ticked, and
// no does not come after yes.
func TestOneLayer(t *testing.T) {
	for _, language := range []string{"en", "de-AT", "fr", "es", "xx"} {
		for name, style := range map[string]bar.Style{"inline": {Inline: true}, "nonce": {Nonce: "abc"}, "linked": {Linked: true}, "bare": {}} {
			body := string(bar.New(about(language), some, "/privacy").Body(ask, "/", false, style))
			no, yes := strings.Index(body, `<button name="choice" value="no">`), strings.Index(body, `<button name="choice" value="yes">`)
			if no < 0 || yes < no {
				t.Errorf("%s, %s: no stands at %d, yes at %d", language, name, no, yes)
			}
			if strings.Contains(body, " checked") || strings.Count(body, `type="checkbox"`) != len(some) {
				t.Errorf("%s, %s: the boxes are not all there and empty", language, name)
			}
			if strings.Contains(body, "[value=yes]") || strings.Contains(body, "…") {
				t.Errorf("%s, %s: something is in it that has no place there", language, name)
			}
		}
	}
}

// TestStyles: what is in the page is what its policy lets through, and it can be
// read as HTML with nothing left open.
func TestStyles(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy")
	for _, c := range []struct {
		name        string
		style       bar.Style
		has, hasNot []string
	}{
		{"inline", bar.Style{Inline: true}, []string{"<style>", "<script>", "<section"}, []string{"nonce", "<link", " src="}},
		{"nonce", bar.Style{Nonce: "r4nd0m=="}, []string{`<style nonce="r4nd0m==">`, `<script nonce="r4nd0m==">`}, []string{"<link", " src="}},
		{"not a nonce", bar.Style{Nonce: `"><script>`}, nil, []string{`nonce=""`, `"><script>`}},
		{"linked", bar.Style{Linked: true}, []string{`<link rel="stylesheet" href="/privacy/bar/`, `<script defer src="/privacy/bar/`}, []string{"<style", "<script>"}},
		{"none", bar.Style{}, []string{"<dialog open"}, []string{"<style", "<script", "<link", "style="}},
		{"no forms", bar.Style{Inline: true, NoForms: true}, []string{`<a href="/privacy/choices">`}, []string{"<form", "<button"}},
	} {
		for _, d := range []choice.Decision{ask, {}, {Honoured: true}} {
			body := string(b.Body(d, "/", false, c.style))
			if d.Ask {
				for _, want := range c.has {
					if !strings.Contains(body, want) {
						t.Errorf("%s: there is no %s in %s", c.name, want, body)
					}
				}
			}
			for _, no := range c.hasNot {
				if strings.Contains(body, no) {
					t.Errorf("%s: there is %s", c.name, no)
				}
			}
			for _, never := range []string{" onclick", " style=", "innerHTML", "eval(", "Storage"} {
				if strings.Contains(body, never) {
					t.Errorf("%s: there is %s", c.name, never)
				}
			}
			if d.Ask && c.name == "inline" {
				whole(t, body)
			}
		}
	}
}

// whole wants every element that was opened to be closed again.
func whole(t *testing.T, body string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(body))
	var open []string
	for z.Next() != html.ErrorToken {
		switch tok := z.Token(); {
		case tok.Type == html.StartTagToken && tok.Data != "input" && tok.Data != "link":
			open = append(open, tok.Data)
		case tok.Type == html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("%s is closed where %v is open", tok.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%v stays open", open)
	}
}

// TestPlace: the place to come back to is written as text, whatever is in it.
func TestPlace(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy")
	for _, d := range []choice.Decision{ask, {}} {
		at := `/a"><script>alert(1)</script>?b=<&c='`
		doc, err := html.Parse(bytes.NewReader(b.Body(d, at, false, bar.Style{})))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for n := range doc.Descendants() {
			if n.Data == "script" {
				t.Error("the place became a script")
			}
			for _, a := range n.Attr {
				if a.Key == "value" && a.Val == at {
					found++
				}
			}
		}
		if found == 0 {
			t.Error("the place is not there")
		}
	}
}

func TestNothingToAsk(t *testing.T) {
	b := bar.New(about("en"), nil, "/privacy")
	if body := b.Body(ask, "/", false, bar.Style{Inline: true}); body != nil {
		t.Errorf("without an offer there is %s", body)
	}
	if head := b.Head(0, ask, false, bar.Style{Inline: true}); head != nil {
		t.Errorf("in the head there is %s", head)
	}
}

func TestNotes(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy")
	at := string(b.Body(choice.Decision{}, "/", false, bar.Style{Inline: true}))
	if !strings.Contains(at, `id="avow-saved"`) || !strings.Contains(at, "data-at") || !strings.Contains(at, `role="status"`) {
		t.Errorf("the note of a choice is %s", at)
	}
	if now := string(b.Body(choice.Decision{}, "/", true, bar.Style{Inline: true})); strings.Contains(now, " data-at>") {
		t.Error("right after a choice the note waits for its fragment")
	}
	if bare := string(b.Body(choice.Decision{}, "/", false, bar.Style{})); !strings.Contains(bare, `hidden="until-found"`) {
		t.Error("without a style the note always shows")
	}
	honoured := string(b.Body(choice.Decision{Honoured: true, Ask: true}, "/", false, bar.Style{Inline: true}))
	if !strings.Contains(honoured, "Opt-out request honoured") || strings.Contains(honoured, `value="yes"`) {
		t.Errorf("with the signal on there is %s", honoured)
	}
}

func TestPlaceholder(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy").With(bar.Extras{Standins: map[string]string{"maps.harbour.example": "http://127.0.0.1:4567"}})
	for _, c := range []struct {
		name string
		f    markup.Found
		want string // "" for nothing at all
	}{
		{"a frame that waits", markup.Found{Element: "iframe", Host: "video.example", Verdict: markup.Waiting}, `<button form="avow-more" name="offer" value="video.example">Show it`},
		{"where it is stood in for", markup.Found{Element: "iframe", Host: "127.0.0.1:4567", Verdict: markup.Waiting}, `value="maps.harbour.example"`},
		{"one that nobody knows waits", markup.Found{Element: "iframe", Host: "other.example", Verdict: markup.Waiting}, `href="/privacy/choices"`},
		{"undeclared", markup.Found{Element: "iframe", Host: `"><b>`, Verdict: markup.Undeclared}, `Not loaded: &#34;&gt;&lt;b&gt; is not in our`},
		{"a script", markup.Found{Element: "script", Host: "video.example", Verdict: markup.Waiting}, ""},
		{"a pixel", markup.Found{Element: "img", Host: "video.example", Verdict: markup.Undeclared}, ""},
	} {
		got := string(b.Placeholder([]byte("x"), c.f, "/"))
		if got[0] != 'x' || (c.want == "") != (got == "x") || !strings.Contains(got, c.want) {
			t.Errorf("%s: it is %s", c.name, got)
		}
		// It stands in a paragraph or a form without ending it.
		doc, err := html.Parse(strings.NewReader("<p><form action=/site>" + got[1:] + "<i>after</i></form>"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Data == "i" && (n.Parent.Data != "form") {
				t.Errorf("%s: it ends the form that it stands in", c.name)
			}
		}
	}
	if body := string(b.Body(choice.Decision{}, "/x", false, bar.Style{})); !strings.Contains(body, `<form id="avow-more"`) {
		t.Error("the buttons have no form")
	}
	if body := string(b.Body(choice.Decision{Allowed: some.All()}, "/x", false, bar.Style{})); strings.Contains(body, `<form id="avow-more"`) {
		t.Error("nothing waits, and there is a form for it")
	}
}

func TestHead(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy")
	head := string(b.Head(1<<1, choice.Decision{}, true, bar.Style{Nonce: "n"}))
	if !strings.Contains(head, `let a=["basket","volume"],`) || !strings.HasPrefix(head, `<script nonce="n">`) {
		t.Errorf("the guard is %s", head)
	}
	for _, style := range []bar.Style{{}, {Linked: true}} {
		if head := b.Head(0, ask, true, style); head != nil {
			t.Errorf("where no script gets through there is %s", head)
		}
	}
	hostile := choice.Offers{{Name: "x", For: "y", Cookies: []string{"</script><b>"}}}
	if head := string(bar.New(about("en"), hostile, "/privacy").Head(1, ask, true, bar.Style{Inline: true})); strings.Count(head, "</script>") != 1 {
		t.Errorf("a name ends the script: %s", head)
	}
}

// TestSignals: other programs read no more than what was chosen.
func TestSignals(t *testing.T) {
	offers := choice.Offers{{Name: "www.google-analytics.com", For: "count", Hosts: []string{"www.google-analytics.com"}}, {Name: "ads", For: "ads", Hosts: []string{"ad.doubleclick.net"}}}
	b := bar.New(about("en"), offers, "/privacy").With(bar.Extras{Consent: true, GPP: true})
	for _, c := range []struct {
		set  choice.Set
		d    choice.Decision
		want string
		gpp  string
	}{
		// BVQqAAAAAgA.QA is what the common consent tools write for "did not opt out".
		{0, choice.Decision{}, `analytics_storage:"denied",ad_storage:"denied",ad_user_data:"denied",ad_personalization:"denied"`, "DBABrw~BVQVAAAAAgA.QA"},
		{1, choice.Decision{}, `analytics_storage:"granted",ad_storage:"denied"`, "DBABrw~BVQVAAAAAgA.QA"},
		{3, choice.Decision{}, `analytics_storage:"granted",ad_storage:"granted"`, "DBABrw~BVQqAAAAAgA.QA"},
		{0, choice.Decision{Honoured: true}, `analytics_storage:"denied"`, "DBABrw~BVQVAAAAAgA.YA"},
	} {
		head := string(b.Head(c.set, c.d, false, bar.Style{Inline: true}))
		if !strings.Contains(head, c.want) || !strings.Contains(head, c.gpp) {
			t.Errorf("%b, %+v: %s", c.set, c.d, head)
		}
	}
}

// TestFiles: a page that takes no inline script finds the files.
func TestFiles(t *testing.T) {
	b := bar.New(about("en"), some, "/privacy")
	body := string(b.Body(ask, "/", false, bar.Style{Linked: true}))
	for _, f := range b.Files() {
		if !strings.Contains(body, f.Path) || len(f.Body) == 0 {
			t.Errorf("%s is not asked for", f.Path)
		}
	}
}

// TestWords: each language has the words that English has.
func TestWords(t *testing.T) {
	keys := func(language string) map[string]bool {
		text, err := os.ReadFile("words/" + language + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			if key, _, ok := strings.Cut(line, ": "); ok {
				all[key] = true
			}
		}
		return all
	}
	want := keys("en")
	for _, language := range []string{"de", "fr", "es"} {
		got := keys(language)
		for key := range want {
			if !got[key] {
				t.Errorf("%s has no word for %q", language, key)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d words, English %d", language, len(got), len(want))
		}
	}
}
