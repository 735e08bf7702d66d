package server_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// TestGuide runs the examples of docs/api.md, in order, in a shell.
func TestGuide(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
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
