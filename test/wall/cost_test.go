package wall

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
)

// What consent may cost a visitor on a page.
const (
	mostBytes  = 2 << 10
	mostScript = 3 * time.Millisecond
)

// threeOffers is the example's statement with two offers more, so that there is
// something to prefer.
func threeOffers() []byte {
	return []byte(strings.Replace(string(harbour.Statement), "\ntrackers:\n", "\n  volume: {for: play films of our instruments, keep: 12 months}\n"+
		"  visits: {for: count visits, keep: session}\ntrackers:\n  video.example: {for: play films of our instruments, consent: opt-in}\n", 1))
}

// TestCost measures on a plain page what the gate costs a visitor who was not
// asked yet, against the same page without it.
func TestCost(t *testing.T) {
	third := newThirdParty(t)
	b := newChromium(t, third)
	plain := newSite(t, third, passed)
	h := newHouse(t, third, threeOffers(), false)

	with, without := zipped(t, h.site), zipped(t, plain)
	t.Logf("the page has %d bytes gzipped, and %d with the question; with the guard of cookies too, %d",
		without, with, zipped(t, newHouse(t, third, threeOffers(), true).site))
	if with-without > mostBytes {
		t.Errorf("the question costs %d bytes gzipped, more than %d", with-without, mostBytes)
	}
	var got, bare []measured
	for range 7 {
		got, bare = append(got, measure(t, b, h.site)), append(bare, measure(t, b, plain))
	}
	if got[0].Requests != bare[0].Requests {
		t.Errorf("%d requests, and without the gate %d", got[0].Requests, bare[0].Requests)
	}
	for _, m := range got {
		if m.Shift != 0 {
			t.Errorf("what is on the page shifts by %g", m.Shift)
		}
		if !m.Bar {
			t.Error("there is no question")
		}
	}
	// The least of some: whatever else the machine does only ever adds to it.
	cost := least(got) - least(bare)
	t.Logf("scripts run for %s, and without the gate for %s", least(got), least(bare))
	if cost > mostScript {
		t.Errorf("scripts run %s longer, more than %s", cost, mostScript)
	}
}

// zipped is how many bytes the plain page has, as most servers send it.
func zipped(t *testing.T, s *site) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(s.port)+"/plain/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "visit.localhost:" + strconv.Itoa(s.port)
	r.Close = true
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Sec-Fetch-Dest", "document")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.Copy(z, res.Body); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.Len()
}

// measured is what one visit of the plain page cost.
type measured struct {
	Requests int
	Script   time.Duration
	Shift    float64
	Bar      bool
}

func measure(t *testing.T, b chromium, s *site) (m measured) {
	t.Helper()
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.Call(t.Context(), "Performance.enable", map[string]any{"timeDomain": "threadTicks"}, nil))
	l := &lap{site: s, mode: "cost"}
	must(p.Navigate(t.Context(), s.home(l.next())+"/plain/"))
	var metrics struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	must(p.Call(t.Context(), "Performance.getMetrics", nil, &metrics))
	for _, x := range metrics.Metrics {
		if x.Name == "ScriptDuration" {
			m.Script = time.Duration(x.Value * float64(time.Second))
		}
	}
	must(p.Evaluate(t.Context(), `new Promise(done => requestAnimationFrame(() => setTimeout(() => {
		const o = new PerformanceObserver(() => 0);
		o.observe({type: "layout-shift", buffered: true});
		done({shift: o.takeRecords().reduce((sum, e) => sum + e.value, 0), bar: !!document.getElementById("avow")?.checkVisibility()});
	}, 100)))`, &m))
	m.Requests = len(p.Requests())
	return m
}

func least(all []measured) time.Duration {
	return slices.MinFunc(all, func(a, b measured) int { return int(a.Script - b.Script) }).Script
}

// TestFirstPaint wants the question to be painted with the first words of a page
// whose rest is not there yet.
func TestFirstPaint(t *testing.T) {
	third := newThirdParty(t)
	b := newChromium(t, third)
	h := newHouse(t, third, threeOffers(), true)
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l := &lap{site: h.site, mode: "cost"}
	if err := p.Call(t.Context(), "Page.navigate", map[string]any{"url": h.home(l.next()) + "/slow/"}, nil); err != nil {
		t.Fatal(err)
	}
	var seen struct {
		State string
		Paint int
		Bar   bool
		Words string
	}
	for range 100 {
		err := p.Evaluate(t.Context(), `({state: document.readyState, paint: performance.getEntriesByName("first-contentful-paint").length,
			bar: !!document.getElementById("avow")?.checkVisibility(), words: document.body?.innerText ?? ""})`, &seen)
		if err == nil && seen.Paint > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if seen.State != "loading" || !seen.Bar || !strings.Contains(seen.Words, "The first words.") || strings.Contains(seen.Words, "The last words.") {
		t.Errorf("at the first paint: %+v", seen)
	}
}
