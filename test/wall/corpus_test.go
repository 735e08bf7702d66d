package wall

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A class is how a request comes about.
type class string

const (
	tags        class = "tags"
	runTime     class = "run-time requests"
	workers     class = "workers"
	hints       class = "preconnect"
	calls       class = "WebRTC"
	speculation class = "speculation rules"
	windows     class = "windows and ways out"
	reports     class = "reports"
)

var classes = []class{tags, runTime, workers, hints, calls, speculation, windows, reports}

// A page of the corpus.
type page struct {
	name  string
	class class
}

var pages = []page{
	{"scripts", tags}, {"images", tags}, {"media", tags}, {"frames", tags}, {"frameset", tags}, {"plugins", tags},
	{"links", tags}, {"css", tags}, {"svg", tags}, {"svg-page", tags}, {"refresh", tags}, {"refresh-header", tags},
	{"base", tags}, {"manifest", tags}, {"link-header", tags}, {"own-csp", tags}, {"gzip", tags}, {"utf16", tags},
	{"no-type", tags}, {"not-found", tags}, {"dribble", tags}, {"malformed", tags}, {"malformed-end", tags},
	{"xhtml", tags}, {"xml", tags}, {"redirects", tags}, {"nested", tags}, {"srcdoc", tags},
	{"forms", runTime}, {"ping", runTime}, {"inject", runTime}, {"fetch", runTime}, {"sockets", runTime},
	{"imports", runTime}, {"write", runTime}, {"blob", runTime}, {"shadow", runTime}, {"handlers", runTime},
	{"css-script", runTime}, {"unload", runTime},
	{"worker", workers}, {"worker-shared", workers}, {"worker-service", workers}, {"worker-kept", workers},
	{"worker-etag", workers}, {"worklet", workers},
	{"hints", hints}, {"webrtc", calls}, {"speculation", speculation},
	{"popup", windows}, {"location", windows}, {"forms-top", windows}, {"refresh-top", windows},
	{"reports", reports},
}

// A channel is one way out of a page, with the kinds of hosts it is tried with.
type channel struct {
	name  string
	page  page
	kinds []string
}

// idle says whether a channel may connect without asking for anything.
func (c channel) idle() bool { return strings.Contains(c.name, "preconnect") }

// inert are channels that no browser opens: what only looks like a tag.
var inert = []string{"mal-never-attribute", "mal-never-xmp", "mal-noscript", "mal-user", "end-last"}

var (
	namesChannel = regexp.MustCompile(`\.(?:URL|Bare|Socket|Entities|Tabs|Backslash|Idle|Host) "([a-z0-9-]+)`)
	namesNever   = regexp.MustCompile(`Never\.(?:URL|Host) "([a-z0-9-]+)`)
	namesSome    = regexp.MustCompile(`(?s)range \.Some "optin" "never"\}\}(.*?)\{\{end\}\}`)
)

// channelsOf reads which channels a page tries, and other sites' answers to it.
func channelsOf(p page) []channel {
	var text string
	fs.WalkDir(corpus, "pages/"+p.name, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := corpus.ReadFile(name)
			text += string(b)
		}
		return err
	})
	for part, of := range map[string]string{"css-import.css": "css", "nested.js": "nested"} {
		if of == p.name {
			b, _ := corpus.ReadFile("pages/third/" + part)
			text += string(b)
		}
	}
	if p.name == "base" {
		text += `.URL "base-script" .URL "base-style" .URL "base-img" .URL "base-fetch"`
	}
	found := map[string][]string{}
	for _, m := range namesChannel.FindAllStringSubmatch(text, -1) {
		found[m[1]] = kinds
	}
	for _, m := range namesNever.FindAllStringSubmatch(text, -1) {
		found[m[1]] = []string{"never"}
	}
	for _, part := range namesSome.FindAllStringSubmatch(text, -1) {
		for _, m := range namesChannel.FindAllStringSubmatch(part[1], -1) {
			found[m[1]] = []string{"optin", "never"}
		}
	}
	if p.name == "base" {
		delete(found, "base")
	}
	var list []channel
	for name, kinds := range found {
		list = append(list, channel{name, p, kinds})
	}
	slices.SortFunc(list, func(a, b channel) int { return strings.Compare(a.name, b.name) })
	return list
}

// idleChannels are the channels that need a declared host of their own for each visit.
func idleChannels() []string {
	return []string{"preconnect", "preconnect-anonymous", "preconnect-script", "header-preconnect"}
}

// TestCorpus wants every folder of the corpus to be visited, and enough of them.
func TestCorpus(t *testing.T) {
	dirs, err := corpus.ReadDir("pages")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, d := range dirs {
		if slices.ContainsFunc(pages, func(p page) bool { return p.name == d.Name() }) {
			total++
		} else if !slices.Contains([]string{"third", "plain", "slow", "cookies"}, d.Name()) {
			t.Errorf("nobody visits pages/%s", d.Name())
		}
	}
	if total < 30 || total != len(pages) {
		t.Errorf("%d pages, %d of them there", len(pages), total)
	}
	seen := map[string]string{}
	for _, p := range pages {
		for _, c := range channelsOf(p) {
			if seen[c.name] != "" {
				t.Errorf("channel %s is on pages %s and %s", c.name, seen[c.name], p.name)
			}
			seen[c.name] = p.name
		}
	}
	t.Logf("%d pages, %d channels", total, len(seen))
}
