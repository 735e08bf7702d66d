package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/seal"
)

const out = `<span role="img" aria-label="leaves this site">&nbsp;↗&#xfe0e;</span>`

// TestLinks crawls a site, and tells a house what it found.
func TestLinks(t *testing.T) {
	pages := map[string]string{
		"/":                       `<a href="/a">a</a> <a href="https://museum.example/">Museum` + out + `</a><a href="https://harbour.example/x">home</a>`,
		"/a":                      `<a href="https://tides.example/?z=1">Tides` + out + `</a>`,
		"/privacy/statement.json": `{"organisation": {"site": ["https://harbour.example"]}, "rules": [{"path": "data.remarks"}]}`,
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, pages[r.URL.Path])
	}))
	defer site.Close()
	keys := "file:" + filepath.Join(t.TempDir(), "keys")
	made, err := seal.Create(keys, seal.Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	token := made.Token()
	made.Close()
	var asked []string
	house := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Error("it comes without the token")
		}
		asked = append(asked, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.URL.Path, " ", string(body))))
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"links": [{"host": "museum.example", "class": "partner", "statement": "https://museum.example/privacy"}]}`)
	}))
	defer house.Close()
	run := func(args ...string) (status int, stdout, stderr string) {
		var o, e bytes.Buffer
		status = Main(append([]string{"links"}, args...), World{Stdout: &o, Stderr: &e, Stdin: strings.NewReader(""), Clock: time.Now})
		return status, o.String(), e.String()
	}

	status, said, errs := run(site.URL, "--private", house.URL, "--keys", keys, "--register")
	if status != 0 || !strings.Contains(said, "museum.example  partner") || !strings.Contains(said, "tides.example   not described") ||
		!strings.Contains(said, "2 pages looked at; 2 links to 2 other sites; 0 not labelled, 0 leaks") {
		t.Errorf("it ends with %d and says\n%s%s", status, said, errs)
	}
	want := `[GET /v1/links POST /v1/links/crawls {"pages":2,"links":2,"unlabelled":0,"leaks":0,"hosts":["museum.example","tides.example"]}]`
	if fmt.Sprint(asked) != want {
		t.Errorf("the house is asked %v, want %s", asked, want)
	}

	pages["/a"] = `<a href="https://tides.example/?remarks=ada@example.com">Tides</a>`
	asked = nil
	status, said, errs = run(site.URL)
	if status != 1 || !strings.Contains(said, "not labelled: a link to tides.example on /a") || !strings.Contains(said, "e-mail address (remarks)") ||
		!strings.Contains(said, "field (remarks)") || strings.Contains(said+errs, "ada@") || asked != nil {
		t.Errorf("it ends with %d and says\n%s%s; asked is %v", status, said, errs, asked)
	}

	status, said, _ = run(site.URL, "--json", "--pages", "1")
	var found struct {
		Version, Pages, Links int
		More                  bool
		Hosts                 []struct {
			Host string
			On   []string
		}
		Unlabelled, Leaks, Failed []any
	}
	if err := json.Unmarshal([]byte(said), &found); err != nil || status != 0 || found.Version != 1 || found.Pages != 1 || !found.More || len(found.Hosts) != 1 || found.Unlabelled == nil || found.Failed == nil {
		t.Errorf("it ends with %d and says\n%s (%v)", status, said, err)
	}
	site.Close()
	if status, _, errs = run(site.URL); status != 1 || errs == "" {
		t.Errorf("of a site that is not there it says %q and ends with %d", errs, status)
	}
}
