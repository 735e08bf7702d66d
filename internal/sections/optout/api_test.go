package optout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// programs know two tokens that may import, one of them for news alone.
type programs struct{}

func (programs) Caller(_ context.Context, digest [32]byte) (*api.Caller, error) {
	switch digest {
	case api.Digest("crm"):
		return &api.Caller{Name: "crm", May: []api.Verb{api.Import}}, nil
	case api.Digest("newsletter"):
		return &api.Caller{Name: "newsletter", May: []api.Verb{api.Import}, Purposes: []avow.Purpose{"news"}}, nil
	}
	return nil, nil
}

func (programs) Refused(context.Context, *api.Caller) {}

// call sends a list.
func (h *house) call(token, path, kind, body string) (status int, text string) {
	h.t.Helper()
	a := api.New(api.Config{Store: h.db, Staff: api.Digest("staff"), Guard: programs{}, Log: slog.New(slog.NewTextHandler(h.t.Output(), nil))})
	h.AddTo(a)
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (h *house) taken(token, path, kind, body string) (out optout.Suppressed) {
	h.t.Helper()
	status, text := h.call(token, path, kind, body)
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK {
		h.t.Fatalf("it is answered %d %s", status, text)
	}
	return out
}

// TestLists takes lists as other tools export them.
func TestLists(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg, text)
		for name, c := range map[string]struct {
			kind, list string
			why        string // letters for news to a@example.com are refused
			deliver    string
		}{
			"lines":               {"text/plain", "a@example.com\r\n\n B@EXAMPLE.com \n", "stopped", ""},
			"with a mark":         {"text/plain; charset=utf-8", "\xef\xbb\xbfa@example.com\nb@example.com", "stopped", ""},
			"a column":            {"text/csv", "Email Address,First Name,UNSUB_TIME\na@example.com,\"Ada, A.\",2026-11-01 10:00:00\nb@example.com,,\n", "stopped", ""},
			"semicolons":          {"text/csv", "Vorname;E-Mail\nAda;a@example.com\nB;b@example.com\n", "stopped", ""},
			"bounces":             {"text/csv", "EmailAddress,SuppressionReason,CreatedAt\na@example.com,HardBounce,2026-11-01T10:00:00Z\nb@example.com,SpamComplaint,1761991200\n", "bounced", "bounced"},
			"a JSON array":        {"application/json", `["a@example.com","b@example.com"]`, "stopped", ""},
			"JSON objects":        {"application/json", `[{"email":"a@example.com","reason":"complaint","created":1},{"Email":"b@example.com","at":"2026-11-01"}]`, "stopped", ""},
			"a name of many ways": {"text/csv", "\"subscriber email\"\na@example.com\nb@example.com\n", "stopped", ""},
		} {
			list := strings.NewReplacer("a@example", "a-"+plain(name)+"@example", "b@example", "b-"+plain(name)+"@example", "B@EXAMPLE", "B-"+plain(name)+"@EXAMPLE").Replace(c.list)
			size := h.ledger.Status().Size
			if got := h.taken("crm", "/v1/suppressions", c.kind, list); got.Taken != 2 || len(got.Bad) != 0 {
				t.Errorf("%s: it is answered %+v", name, got)
			}
			a, b := "a-"+plain(name)+"@example.com", "b-"+plain(name)+"@example.com"
			if h.may(a, "news") != c.why || h.may(a, "deliver") != c.deliver || h.may(b, "news") != "stopped" || h.may(b, "deliver") != "" {
				t.Errorf("%s: letters are refused as %q, %q, %q, %q", name, h.may(a, "news"), h.may(a, "deliver"), h.may(b, "news"), h.may(b, "deliver"))
			}
			if n := h.ledger.Status().Size - size; n < 1 || n > 2 {
				t.Errorf("%s: two are %d entries", name, n)
			}
		}
	})
}

func plain(name string) string { return strings.ReplaceAll(name, " ", "") }

// TestListsOfNothing: what is no list is refused, and nothing that was sent is in
// the answer.
func TestListsOfNothing(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	const canary = "xanthic"
	for name, c := range map[string]struct {
		token, path, kind, list string
		status                  int
		says                    string
	}{
		"a line without an address": {"crm", "", "text/plain", "ok@example.com\n" + canary + "\n\n" + canary + "@", 422, "line 2, line 4."},
		"no column":                 {"crm", "", "text/csv", canary + ",name\na@example.com,x\n", 422, "CSV whose first row names"},
		"no CSV":                    {"crm", "", "text/csv", "", 422, "no list"},
		"no JSON":                   {"crm", "", "application/json", `["` + canary, 422, "no list"},
		"no array":                  {"crm", "", "application/json", `{"email":"` + canary + `@example.com"}`, 422, "no list"},
		"too many":                  {"crm", "", "text/plain", strings.Repeat("a@example.com\n", 10001), 422, "at most 10000"},
		"too much":                  {"crm", "", "text/plain", strings.Repeat("x", 9<<20), 413, ""},
		"no purpose":                {"crm", "?for=" + canary, "text/plain", "a@example.com", 422, "no such purpose"},
		"no reason":                 {"crm", "?reason=" + canary, "text/plain", "a@example.com", 422, "A reason is"},
		"a click":                   {"crm", "?reason=click", "text/plain", "a@example.com", 422, "A reason is"},
		"another purpose":           {"newsletter", "?for=ask", "text/plain", "a@example.com", 403, "not made for this purpose"},
		"everything":                {"newsletter", "", "text/plain", "a@example.com", 403, "not made for this purpose"},
		"bounces of one purpose":    {"newsletter", "?for=news&reason=bounce", "text/plain", "ok@example.com", 403, "not made for this purpose"},
		"a bounce in a list":        {"newsletter", "?for=news", "text/csv", "email,reason\nok@example.com,HardBounce\n", 403, "not made for this purpose"},
		"a quote left open":         {"crm", "", "text/csv", "email,name\nok@example.com,Ada\nb@example.com,\"B\nc@example.com,C\nd@example.com,D\n", 422, "no e-mail address in line 2."},
		"nobody":                    {"nobody", "", "text/plain", "a@example.com", 401, ""},
		"a program that asks":       {"crm", "/check", "text/plain", "a@example.com", 403, "staff"},
	} {
		status, text := h.call(c.token, "/v1/suppressions"+c.path, c.kind, c.list)
		if status != c.status || !strings.Contains(text, c.says) || strings.Contains(text, canary) {
			t.Errorf("%s: it is answered %d %s", name, status, text)
		}
	}
	if why := h.may("ok@example.com", "deliver"); why != "" || h.may("ok@example.com", "news") == "stopped" {
		t.Error("a list that was refused stops letters")
	}
	got := h.taken("crm", "/v1/suppressions?partly=true&for=news", "text/plain", "x\nok@example.com\ny\n")
	if diff := cmp.Diff(optout.Suppressed{Taken: 1, Bad: []int{0, 2}}, got); diff != "" || h.may("ok@example.com", "news") != "stopped" || h.may("ok@example.com", "ask") == "stopped" {
		t.Errorf("in part: %s", diff)
	}
}

// TestCheck says by number who is stopped, to staff.
func TestCheck(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.taken("newsletter", "/v1/suppressions?for=news", "text/plain", "a@example.com\n")
	h.taken("crm", "/v1/suppressions", "text/plain", "b@example.com\n")
	for path, want := range map[string]string{"?for=news": "[0 2] [3]", "": "[2] [3]"} {
		status, text := h.call("staff", "/v1/suppressions/check"+path, "text/plain", "a@example.com\nc@example.com\nb@example.com\nnonsense")
		var got optout.Checked
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || fmt.Sprint(got.Stopped, got.Bad) != want {
			t.Errorf("%q is answered %d %s, want %s", path, status, text, want)
		}
	}
}

// TestImportRevivesNobody: whoever stopped stays stopped, whatever comes in a list
// of people, or in an older list of stops.
func TestImportRevivesNobody(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.taken("crm", "/v1/suppressions", "text/plain", "a@example.com\n")
	h.now = h.now.Add(time.Hour)
	for _, p := range []avow.Purpose{"news", "ask"} {
		digest := h.digest("a@example.com")
		h.commit(func(ctx context.Context, tx *store.Tx) error { return h.Consented(ctx, tx, digest, p) })
	}
	h.taken("crm", "/v1/suppressions", "text/csv", "email,date\na@example.com,2001-01-01\n")
	if h.may("a@example.com", "news") != "stopped" || h.may("a@example.com", "ask") != "stopped" {
		t.Error("a list revives who had stopped")
	}
	h.begun("a@example.com", "newsletter")
	h.now = h.now.Add(time.Hour)
	h.taken("crm", "/v1/suppressions", "text/csv", "email,date\na@example.com,2001-01-01\n")
	if h.may("a@example.com", "news") != "" {
		t.Error("a stop of long ago takes back what the person said since")
	}
}

// BenchmarkList takes lists of a thousand addresses.
func BenchmarkList(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		h := begin(b, cfg, text)
		n := 0
		for b.Loop() {
			var list strings.Builder
			for range 1000 {
				n++
				fmt.Fprintf(&list, "person-%d@example.com\n", n)
			}
			h.taken("crm", "/v1/suppressions", "text/plain", list.String())
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/address")
	})
}
