package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/store"
)

// canary is planted in whatever a caller can send, and looked for in whatever
// is answered or logged.
const canary = "xanthic-zephyr-canary"

type takeIn struct {
	Collection avow.Collection `path:"collection"`
	Actor      avow.Actor      `query:"actor"`
	Count      int             `query:"count" maximum:"5"`
	Body       struct {
		Values map[avow.Field]string `json:"values"`
		Limit  int                   `json:"limit,omitzero"`
		Tags   [][]string            `json:"tags,omitempty"`
	}
}

type takeOut struct {
	Actor avow.Actor `json:"actor"`
	N     int64      `json:"n"`
}

// guard knows two tokens, and counts what was refused.
type guard struct{ refused atomic.Int64 }

func (g *guard) Caller(_ context.Context, digest [32]byte) (*api.Caller, error) {
	switch digest {
	case api.Digest("crm"):
		return &api.Caller{Name: "crm", May: []api.Verb{api.Collect}, Purposes: []avow.Purpose{"reply"}, Collections: []avow.Collection{"contact"}}, nil
	case api.Digest("ill"):
		return nil, errors.New("disk: gone")
	}
	return nil, nil
}

func (g *guard) Refused(context.Context, *api.Caller) { g.refused.Add(1) }

type world struct {
	http.Handler
	t     testing.TB
	log   *bytes.Buffer
	guard *guard
	took  atomic.Int64
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, log: new(bytes.Buffer), guard: new(guard)}
	a := api.New(api.Config{Staff: api.Digest("staff"), Guard: w.guard, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	o := api.Operation{ID: "take", Method: "POST", Path: "/v1/take/{collection}", Group: "X", Title: "Take", May: api.Collect, Limit: 4096}
	api.Add(a, o, w.take)
	api.Add(a, api.Operation{ID: "gone", Method: "DELETE", Path: "/v1/take/{collection}", Group: "X", Title: "Go", May: api.Erase}, w.take)
	api.Add(a, api.Operation{ID: "make", Method: "POST", Path: "/v1/make", Group: "X", Title: "Make", May: api.Staff},
		func(context.Context, *struct{}) (*takeOut, error) { return &takeOut{}, nil })
	api.InBatch(a, "collect", o, func(ctx context.Context, in *struct {
		Collection avow.Collection `json:"collection"`
		Actor      avow.Actor      `json:"actor"`
	}) (*takeOut, error) {
		return w.take(ctx, &takeIn{Collection: in.Collection, Actor: in.Actor})
	})
	a.AddBatch()
	w.Handler = a.Handler()
	return w
}

func (w *world) take(ctx context.Context, in *takeIn) (*takeOut, error) {
	switch in.Collection {
	case "panic":
		panic("with " + canary)
	case "broken":
		return nil, errors.New("disk: gone")
	case "full":
		return nil, fmt.Errorf("take: %w", &store.FullError{Folder: canary})
	case "refused":
		return nil, fmt.Errorf("take: %w", &avow.Refusal{Clause: "no-sale", Reason: "nothing is sold"})
	}
	if err := api.Within(ctx, in.Collection, "reply"); err != nil {
		return nil, err
	}
	actor, err := api.Actor(ctx, in.Actor)
	if err != nil {
		return nil, err
	}
	return &takeOut{actor, w.took.Add(1)}, nil
}

func (w *world) ask(method, path, token, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a := httptest.NewRecorder()
	w.ServeHTTP(a, r)
	return a
}

// TestProblems sends what cannot be done. Each answer is a problem with the
// right status, and says nothing of what was sent.
func TestProblems(t *testing.T) {
	w := newWorld(t)
	good := `{"values": {"name": "` + canary + `"}}`
	for _, c := range []struct {
		name, method, path, token, body string
		header                          []string
		status                          int
		says                            string
	}{
		{"an unknown member", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {}, "` + canary + `": 1}`, nil, 400, "a member that this operation does not take"},
		{"another case", "POST", "/v1/take/contact?actor=mia", "staff", `{"Values": {}}`, nil, 400, "does not take"},
		{"a name twice", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {"a": "` + canary + `", "a": "x"}}`, nil, 400, "a name twice"},
		{"the wrong kind", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {}, "limit": "` + canary + `"}`, nil, 400, "of the wrong kind"},
		{"a value of the wrong kind", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {"` + canary + `": {"` + canary + `": 1}}}`, nil, 400, "of the wrong kind"},
		{"too large a number", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {}, "limit": 99999999999999999999}`, nil, 400, "of the wrong kind"},
		{"no JSON", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {"a": "` + canary, nil, 400, "not one JSON value"},
		{"two values", "POST", "/v1/take/contact?actor=mia", "staff", good + good, nil, 400, "not one JSON value"},
		{"no UTF-8", "POST", "/v1/take/contact?actor=mia", "staff", "{\"values\": {\"a\": \"" + canary + "\xff\"}}", nil, 400, "not one JSON value"},
		{"nothing", "POST", "/v1/take/contact?actor=mia", "staff", ``, nil, 400, "/v1/docs"},
		{"very deep", "POST", "/v1/take/contact?actor=mia", "staff", strings.Repeat("[", 4000), nil, 400, "of the wrong kind"},
		{"deep where lists may be", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {}, "tags": ` + strings.Repeat("[", 1900) + strings.Repeat("]", 1900) + `}`, nil, 400, "of the wrong kind"},
		{"much", "POST", "/v1/take/contact?actor=mia", "staff", `{"values": {"a": "` + strings.Repeat(canary, 300) + `"}}`, nil, 413, "less than 4 KB"},
		{"another kind of body", "POST", "/v1/take/contact?actor=mia", "staff", good, []string{"Content-Type", "text/" + canary}, 415, "Send application/json"},
		{"an unknown parameter", "POST", "/v1/take/contact?actor=mia&" + canary + "=" + canary, "staff", good, nil, 400, "behind the ?"},
		{"a parameter of the wrong kind", "POST", "/v1/take/contact?actor=mia&count=" + canary, "staff", good, nil, 400, "behind the ?"},
		{"a parameter too large", "POST", "/v1/take/contact?actor=mia&count=99", "staff", good, nil, 400, "behind the ?"},
		{"no actor", "POST", "/v1/take/contact", "staff", good, nil, 422, "actor is missing"},
		{"an actor with a line end", "POST", "/v1/take/contact?actor=" + canary + "%0a", "staff", good, nil, 422, "control characters"},
		{"an actor with the name of a token", "POST", "/v1/take/contact?actor=crm:%20mia", "staff", good, nil, 422, "colons"},
		{"a long actor", "POST", "/v1/take/contact?actor=" + strings.Repeat(canary, 5), "staff", good, nil, 422, "at most 100 bytes"},
		{"no such path", "POST", "/v1/" + canary, "staff", good, nil, 404, "/v1/docs"},
		{"another method", "PUT", "/v1/take/contact", "staff", good, nil, 405, "takes DELETE, POST"},
		{"from another site", "POST", "/v1/take/contact?actor=mia", "staff", good, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		{"a promise", "POST", "/v1/take/refused?actor=mia", "staff", good, nil, 403, "no-sale"},
		{"a fault of ours", "POST", "/v1/take/broken?actor=mia", "staff", good, nil, 500, "broken"},
		{"no room", "POST", "/v1/take/full?actor=mia", "staff", good, nil, 507, "no room"},
		{"a panic", "POST", "/v1/take/panic?actor=mia", "staff", good, nil, 500, "broken"},
		{"no token", "POST", "/v1/take/contact", "", good, nil, 401, "Authorization: Bearer"},
		{"another token", "POST", "/v1/take/contact", canary, good, nil, 401, "Authorization: Bearer"},
		{"tokens cannot be looked up", "POST", "/v1/take/contact", "ill", good, nil, 500, "broken"},
		{"another verb", "DELETE", "/v1/take/contact", "crm", good, nil, 403, "not made for"},
		{"another collection", "POST", "/v1/take/survey?actor=mia", "crm", good, nil, 403, "not made for this collection"},
		{"for staff only", "POST", "/v1/make", "crm", "", nil, 403, "staff token"},
		{"no operations", "POST", "/v1/batch", "staff", `{"operations": []}`, nil, 422, "1 to 1000"},
		{"too many operations", "POST", "/v1/batch", "staff", `{"operations": [` + strings.Repeat("{},", 1000) + `{}]}`, nil, 422, "1 to 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.ask(c.method, c.path, c.token, c.body, c.header...)
			if a.Code != c.status || !strings.Contains(a.Body.String(), c.says) || a.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("it is answered %d %s %s, want %d and %q", a.Code, a.Header(), a.Body, c.status, c.says)
			}
			var p struct {
				Status int
				Title  string
			}
			if json.Unmarshal(a.Body.Bytes(), &p) != nil || p.Status != a.Code || p.Title == "" {
				t.Errorf("it is no problem: %s", a.Body)
			}
			if strings.Contains(a.Body.String(), canary) || strings.Contains(fmt.Sprint(a.Header()), canary) || strings.Contains(a.Body.String(), "disk") {
				t.Errorf("it tells what was sent, or what is inside: %s", a.Body)
			}
		})
	}
	if strings.Contains(w.log.String(), canary) {
		t.Errorf("the log tells what was sent: %s", w.log)
	}
	if n := strings.Count(w.log.String(), "level=ERROR"); n != 4 {
		t.Errorf("%d faults were logged, want 4:\n%s", n, w.log)
	}
	if w.took.Load() != 0 {
		t.Errorf("%d of it was done", w.took.Load())
	}
	if n := w.guard.refused.Load(); n != 3 {
		t.Errorf("%d requests outside of the limits were counted, want 3", n)
	}
}

func TestActorIsNamed(t *testing.T) {
	w := newWorld(t)
	for token, want := range map[string]string{"staff": `"mia"`, "crm": `"crm: mia"`} {
		if a := w.ask("POST", "/v1/take/contact?actor=mia", token, `{"values": {}}`); a.Code != 200 || !strings.Contains(a.Body.String(), want) {
			t.Errorf("with %s it is answered %d %s", token, a.Code, a.Body)
		}
	}
}

// TestBatch: each operation is on its own.
func TestBatch(t *testing.T) {
	w := newWorld(t)
	a := w.ask("POST", "/v1/batch", "crm", `{"operations": [
		{"do": "collect", "collection": "contact", "actor": "mia"},
		{"do": "collect", "collection": "survey", "actor": "mia"},
		{"do": "`+canary+`"},
		{"do": "collect", "`+canary+`": 1},
		"`+canary+`", 7, null,
		{"do": "collect", "collection": "panic"},
		{"do": "collect", "collection": "contact", "actor": "eve"}]}`)
	var out struct {
		Results []struct {
			Status int
			Body   json.RawMessage
		}
	}
	want := []int{200, 403, 422, 400, 400, 400, 422, 500, 200}
	if err := json.Unmarshal(a.Body.Bytes(), &out); err != nil || a.Code != 200 || len(out.Results) != len(want) {
		t.Fatalf("%d %s (%v)", a.Code, a.Body, err)
	}
	for i, r := range out.Results {
		if r.Status != want[i] {
			t.Errorf("operation %d is answered %d %s, want %d", i, r.Status, r.Body, want[i])
		}
	}
	if strings.Contains(a.Body.String(), canary) || strings.Contains(w.log.String(), canary) {
		t.Errorf("it tells what was sent: %s %s", a.Body, w.log)
	}
}

// FuzzBody sends anything at all as a body.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"values": {"a": "b"}}`, `{"operations": [{"do": "collect", "collection": "contact", "actor": "mia"}]}`, `[`, `null`, `{"values": null, "limit": 1e9}`, `{"tags": [[""]]}`, "\xff"} {
		f.Add(seed)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/take/contact?actor=mia", "/v1/batch"} {
			a := w.ask("POST", path, "staff", body)
			if a.Code >= 500 || !json.Valid(a.Body.Bytes()) {
				t.Errorf("%s is answered %d %s", path, a.Code, a.Body)
			}
		}
	})
}
