package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

// TestDocumentIsCommitted: what the API says of itself and what the repository
// says of it are the same.
func TestDocumentIsCommitted(t *testing.T) {
	const name = "../docs/openapi.json"
	got := servertest.New(t).Inside("/v1/openapi.json").Body
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/openapi.json is out of date: go test ./server -run Document -update\n%s", diff)
	}
}

// TestDocumentIsWhole: each operation says what it is, and each parameter and
// member what it means.
func TestDocumentIsWhole(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Summary    string
			Tags       []string
			Responses  map[string]any
			Parameters []struct{ Name string }
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Description string
					Ref         string `json:"$ref"`
				}
			}
		}
	}
	body := servertest.New(t).Inside("/v1/openapi.json").Body
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.Summary == "" || len(op.Tags) == 0 || op.Responses["default"] == nil || strings.Count(path, "{") > len(op.Parameters) {
				t.Errorf("%s %s says too little of itself: %+v", method, path, op)
			}
		}
	}
	for name, s := range doc.Components.Schemas {
		for member, m := range s.Properties {
			if m.Description == "" && m.Ref == "" {
				t.Errorf("%s.%s says nothing of what it is", name, member)
			}
		}
	}
	if strings.Contains(body, "ErrorModel") || strings.Contains(body, "uniqueItems") {
		t.Error("the document has what is never sent, or what huma cannot check")
	}
}

// canary is put wherever a caller can put something.
const canary = "xanthic-zephyr-canary"

// TestNothingComesBack asks every operation with a canary in every parameter and
// in every member of the body, as what it should be and as what it should not.
// No error and no line of the log has it.
func TestNothingComesBack(t *testing.T) {
	h := servertest.New(t)
	_, staff := h.Client()
	taken, _ := h.Taken("contact", "email", "ada@example.com", "message", "hello")
	if taken == "" {
		t.Fatal("nothing is there to ask for")
	}
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(h.Inside("/v1/openapi.json").Body), &doc); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for where, methods := range doc.Paths {
		for method, op := range methods {
			members := doc.Components.Schemas[path.Base(op.RequestBody.Content["application/json"].Schema.Ref)].Properties
			for _, body := range bodies(members) {
				for _, to := range []string{where, where + "?actor=" + canary + "%00", where + "?" + canary + "=" + canary} {
					r := httptest.NewRequest(strings.ToUpper(method), inBraces.ReplaceAllString(to, canary), strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+staff)
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Idempotency-Key", canary)
					w := httptest.NewRecorder()
					h.Server.Private().ServeHTTP(w, r)
					if w.Code < 400 {
						continue
					}
					refused++
					if strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), canary) || w.Code >= 500 {
						t.Errorf("%s %s of %s is answered %d %s", method, to, body, w.Code, w.Body)
					}
				}
			}
		}
	}
	if strings.Contains(h.Log.String(), canary) {
		t.Errorf("it is in the log: %s", h.Log)
	}
	if refused < 300 {
		t.Errorf("only %d requests were refused", refused)
	}
}

var inBraces = regexp.MustCompile(`\{\w+\}`)

// bodies are a good many that no operation, or only one, could want.
func bodies(members map[string]any) (all []string) {
	kinds := []string{`"` + canary + `"`, `["` + canary + `"]`, `{"email": "` + canary + `"}`, `[{"email": "` + canary + `"}]`, `7`, `null`, `"` + canary + `\u0000"`}
	for name := range members {
		for _, kind := range kinds {
			all = append(all, `{"`+name+`": `+kind+`}`)
		}
	}
	for _, kind := range kinds {
		var list []string
		for name := range members {
			list = append(list, `"`+name+`": `+kind)
		}
		all = append(all, "{"+strings.Join(list, ", ")+"}")
	}
	return append(all, `{"`+canary+`": "`+canary+`"}`, `"`+canary, `{"values": {"`+canary+`": 1}}`)
}

// TestExamples does what the documentation gives as examples, in its order.
func TestExamples(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ada, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	wrote := waitingMail(t, h, staff)
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal([]byte(h.Inside("/v1/openapi.json").Body), &doc); err != nil {
		t.Fatal(err)
	}
	done := 0
	for where, methods := range doc.Paths {
		for method, op := range methods {
			body := op.RequestBody.Content["application/json"].Example
			if body == nil {
				continue
			}
			to := strings.NewReplacer("subjects/{id}", "subjects/"+ada.Subject, "{id}", ada.Record, "{record}", wrote, "{collection}", "contact", "{name}", "courier").Replace(where)
			r := httptest.NewRequest(strings.ToUpper(method), to, strings.NewReader(string(body)))
			r.Header.Set("Authorization", "Bearer "+staff)
			w := httptest.NewRecorder()
			h.Server.Private().ServeHTTP(w, r)
			if done++; w.Code >= 300 {
				t.Errorf("%s %s %s is answered %d %s", method, to, body, w.Code, w.Body)
			}
		}
	}
	if done < 8 {
		t.Errorf("%d examples were found", done)
	}
}

// TestGuide runs the examples of docs/api.md, in order, in a shell.
func TestGuide(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("there is no curl: run scripts/setup")
	}
	h := servertest.New(t)
	_, token := h.Client()
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"AVOW": h.Private, "TOKEN": token}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 10 {
		t.Fatalf("the guide has %d examples", len(blocks))
	}
	for _, b := range blocks {
		answer := shell(t, env, b[1])
		var out struct{ Record, Subject, Link, Title string }
		if json.Unmarshal([]byte(answer), &out) != nil && !strings.HasPrefix(answer, "c2sp.org/tlog-proof") {
			t.Errorf("%s\nis answered %s", b[1], answer)
		}
		if refused := strings.Contains(b[1], "news") && strings.Contains(b[1], "reads"); (out.Title != "") != refused {
			t.Errorf("%s\nis answered %s", b[1], answer)
		}
		for name, value := range map[string]string{"RECORD": out.Record, "SUBJECT": out.Subject, "LINK": out.Link} {
			if value != "" && env[name] == "" {
				env[name] = path.Base(value)
			}
		}
	}
}

func shell(t *testing.T, env map[string]string, script string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v: %s", script, err, out)
	}
	return string(out)
}

// two starts two houses over one database.
func two(t *testing.T) (h *servertest.House, c, d *client.Client, staff string) {
	h = servertest.Over(t, storetest.Postgres(t))
	c, staff = h.Client()
	other, err := server.New(t.Context(), h.Config(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	second := httptest.NewServer(other.Private())
	t.Cleanup(second.Close)
	if d, err = client.New(second.URL); err != nil {
		t.Fatal(err)
	}
	return h, c, d, staff
}

// TestReplicasRace lets two houses erase somebody whom others read and correct
// at that moment: one erasure is certified, and nobody sees a fault.
func TestReplicasRace(t *testing.T) {
	h, c, d, staff := two(t)
	defer func() {
		if t.Failed() {
			t.Log(h.Log)
		}
	}()
	ctx := t.Context()
	for i := range 8 {
		ada, err := c.Collect(ctx, staff, "contact", client.Values{"email": fmt.Sprintf("ada%d@example.com", i), "message": "hello"})
		if err != nil {
			t.Fatal(err)
		}
		var erased atomic.Int64
		var wait sync.WaitGroup
		for n := range 12 {
			from := []*client.Client{c, d}[n%2]
			wait.Go(func() {
				var err error
				switch n % 3 {
				case 0:
					if _, err = from.Erase(ctx, staff, ada.Subject, "mia"); err == nil {
						erased.Add(1)
					}
				case 1:
					_, err = from.Read(ctx, staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Record: ada.Record})
				case 2:
					_, err = from.Correct(ctx, staff, ada.Record, "mia", client.Values{"message": "other"})
				}
				if err != nil && !errors.Is(err, client.ErrNotFound) {
					t.Errorf("%d: %v", n%3, err)
				}
			})
		}
		wait.Wait()
		if erased.Load() != 1 {
			t.Errorf("%d erasures were certified", erased.Load())
		}
	}
}

// TestReplicas asks two houses over one database: what is done once is done
// once in both, and what one has the other has.
func TestReplicas(t *testing.T) {
	_, c, d, staff := two(t)
	keyed := client.WithKey(t.Context(), "one-letter-from-ada")
	answers := make([]*client.Collected, 24)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			var err error
			answers[i], err = []*client.Client{c, d}[i%2].Collect(keyed, staff, "contact", client.Values{"email": "ada@example.com", "message": "hello"})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, a := range answers {
		if a.Record != answers[0].Record || a.Receipt == "" {
			t.Errorf("it is answered %+v and %+v", a, answers[0])
		}
	}
	got, err := d.Read(t.Context(), staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Where: client.Values{"email": "ada@example.com"}})
	if err != nil || len(got.Records) != 1 || got.Receipt == "" {
		t.Errorf("there are %+v (%v)", got, err)
	}
	made, err := c.NewToken(t.Context(), staff, client.Token{Name: "crm", May: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Status(t.Context(), made.Token); err != nil {
		t.Errorf("the other house does not know the token: %v", err)
	}
	if err := c.Revoke(t.Context(), staff, made.ID); err != nil {
		t.Fatal(err)
	}
	// The clock stands, as it does after the machine's was put back.
	if _, err := d.Status(t.Context(), made.Token); err == nil {
		t.Error("while the clock stands the other house still takes the token")
	}
	rows := client.Rows{{"email": "eve@example.org", "message": "one"}, {"email": "mia@example.net", "message": "two"}}
	if in, err := d.Import(t.Context(), staff, "contact", rows); err != nil || in.Accepted != 2 || in.Leaf < 1 {
		t.Errorf("an import is answered %+v (%v)", in, err)
	}
	if _, err := c.Correct(t.Context(), staff, answers[0].Record, "mia", client.Values{"email": "ada@example.org"}); err != nil {
		t.Error(err)
	}
	if gone, err := d.Erase(t.Context(), staff, answers[0].Subject, "mia"); err != nil || gone.Receipt == "" {
		t.Errorf("an erasure is answered %+v (%v)", gone, err)
	}
}

// waitingMail feeds a mail that somebody has to look at, and names its record.
func waitingMail(t *testing.T, h *servertest.House, staff string) string {
	t.Helper()
	ask := func(method, path, body string) string {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+staff)
		r.Header.Set("Content-Type", "message/rfc822")
		w := httptest.NewRecorder()
		h.Server.Private().ServeHTTP(w, r)
		return w.Body.String()
	}
	ask("POST", "/v1/mail", "From: ada@example.com\r\nTo: privacy@harbour.example\r\nSubject: Brass\r\nMessage-ID: <1@example.com>\r\n\r\nIs the barometer made of brass?\r\n")
	var open struct{ Mail []struct{ Record string } }
	if err := json.Unmarshal([]byte(ask("GET", "/v1/mail", "")), &open); err != nil || len(open.Mail) != 1 {
		t.Fatalf("%v %+v", err, open)
	}
	return open.Mail[0].Record
}
