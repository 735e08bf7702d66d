package server_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestNobodyIsGivenAway: whoever types somebody else's address learns nothing by
// it. What is answered, how much is written down, and how long it takes are the
// same whether an address is known, has letters, stopped them, or was never seen.
func TestNobodyIsGivenAway(t *testing.T) {
	for name, try := range map[string]struct {
		path  string
		pairs []string
	}{
		"stop everything": {"/privacy/letters", []string{"choice", "nothing"}},
		"stop a topic":    {"/privacy/letters", []string{"choice", "some", "topic", "news"}},
		"sign up":         {"/f/newsletter", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := servertest.New(t)
			known := known(t, h)
			var answers [3]string
			var took [3][]float64
			for i := range 60 {
				for which, address := range []string{known[i].reads, known[i].stopped, fmt.Sprintf("never%d@example.com", i)} {
					before := logSize(h)
					began := time.Now()
					said := typed(h, fmt.Sprintf("192.0.%d.%d:1", i, which), try.path, append(try.pairs, "email", address)...)
					took[which] = append(took[which], float64(time.Since(began)))
					said = strings.ReplaceAll(said, address, "ADDRESS") + fmt.Sprintf("\n%d entries", logSize(h)-before)
					if answers[which] == "" {
						answers[which] = said
					} else if answers[which] != said {
						t.Fatalf("the answer changes:\n%s\n%s", answers[which], said)
					}
				}
			}
			for which, what := range []string{"who reads letters", "who stopped them"} {
				if answers[which] != answers[2] {
					t.Errorf("%s is answered\n%s\nand a stranger\n%s", what, answers[which], answers[2])
				}
				if p := alike(took[which], took[2]); p < 1e-6 {
					t.Errorf("%s takes another time than a stranger: p = %g", what, p)
				}
			}
		})
	}
}

// known lets people in: some who get letters, some who stopped them.
func known(t *testing.T, h *servertest.House) (people [60]struct{ reads, stopped string }) {
	c, staff := h.Client()
	var rows client.Rows
	var stopped []string
	for i := range people {
		p := &people[i]
		p.reads, p.stopped = fmt.Sprintf("reads%d@example.com", i), fmt.Sprintf("stops%d@example.com", i)
		rows = append(rows, client.Values{"email": p.reads}, client.Values{"email": p.stopped})
		stopped = append(stopped, p.stopped)
	}
	if _, err := c.ImportConfirmed(t.Context(), staff, "newsletter", rows); err != nil {
		t.Fatal(err)
	}
	if a := h.Staff("/v1/suppressions", `["`+strings.Join(stopped, `", "`)+`"]`); a.Status != http.StatusOK {
		t.Fatal(a)
	}
	return people
}

// typed sends a form from an address of its own, and returns what is answered but
// for what is another each time.
func typed(h *servertest.House, from, path string, pairs ...string) string {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	h.Public().ServeHTTP(w, r)
	var head strings.Builder
	_ = w.Header().WriteSubset(&head, map[string]bool{"Date": true, "Content-Length": true})
	return fmt.Sprintf("%d\n%s\n%s", w.Code, head.String(), passing.ReplaceAllString(w.Body.String(), "…"))
}

// passing is what is another in each answer: links to receipts, and receipts.
var passing = regexp.MustCompile(`receipt/[\w-]+|(?s)c2sp\.org/tlog-proof.*?</textarea>`)

func logSize(h *servertest.House) (n int) {
	r := httptest.NewRecorder()
	h.Public().ServeHTTP(r, httptest.NewRequest("GET", "/log/checkpoint", nil))
	_, _ = fmt.Sscanf(strings.SplitN(r.Body.String(), "\n", 3)[1], "%d", &n) // 0 is as good
	return n
}

// alike is how likely two samples of the same would differ as much as these, by
// the ranks of what is in them (Mann and Whitney): one slow moment moves it little.
func alike(a, b []float64) float64 {
	var u float64
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	z := (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

// The measure itself tells what is alike from what is not.
func TestAlike(t *testing.T) {
	var slow, fast []float64
	for i := range 60 {
		slow, fast = append(slow, float64(100+i%7)), append(fast, float64(97+i%7))
	}
	if p := alike(slow, fast); p > 1e-6 {
		t.Errorf("3 of 100 are not seen: p = %g", p)
	}
	if p := alike(slow, slices.Clone(slow)); p < 0.99 {
		t.Errorf("the same is not alike: p = %g", p)
	}
}
