package post

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/seal"
)

// fakeHouse stands for one that runs, and has the keys to it.
func fakeHouse(t *testing.T, answer http.HandlerFunc) giver {
	t.Helper()
	spec := "file:" + filepath.Join(t.TempDir(), "keys")
	keys, err := seal.Create(spec, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token := keys.Token()
	keys.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Error("it is asked without the token")
		}
		w.Header().Set("Content-Type", "application/json")
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return giver{Private: server.URL, Keys: spec}
}

func TestPlan(t *testing.T) {
	g := fakeHouse(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"recipient":"courier","fields":["name","address"],"for":["deliver"],"contract":"sha256:5a","until":"2028-12-31","rows":2,"kept":3,"canaries":1,
			"lots":[{"collection":"order","statement":1,"rows":0,"kept":{"pin":2},"clause":"recipients","reason":"no"},{"collection":"order","statement":2,"fields":["name"],"rows":2,"kept":{"stopped":1}}]}`)
	})
	var out bytes.Buffer
	if err := (&EgressPlan{giver: g, Name: "courier", As: "mia"}).Run(&world.World{Stdout: &out, Stderr: io.Discard}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"courier would be given 2 rows with name, address, for deliver, and 1 invented person\n", "until 2028-12-31", "2: pin; refused by recipients: no", "1: stopped", "--key age1", "--tell"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
}

// TestRun: a list that breaks off leaves no file, and one that was there stays.
func TestRun(t *testing.T) {
	broken := false
	g := fakeHouse(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, n := range map[string]string{"Avow-Rows": "2", "Avow-Kept": "1", "Avow-Canaries": "3", "Avow-Leaf": "7"} {
			w.Header().Set(name, n)
		}
		io.WriteString(w, "closed")
		if broken {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	name := filepath.Join(t.TempDir(), "courier.age")
	run := func() (string, error) {
		var out bytes.Buffer
		err := (&EgressRun{giver: g, Name: "courier", As: "mia", Format: "csv", Out: name}).Run(&world.World{Stdout: &out, Stderr: io.Discard})
		return out.String(), err
	}
	broken = true
	if _, err := run(); err == nil {
		t.Error("a list that broke off is taken for whole")
	}
	if all, _ := filepath.Glob(name + "*"); len(all) != 0 {
		t.Errorf("a list that broke off leaves %v", all)
	}
	broken = false
	if says, err := run(); err != nil || !strings.Contains(says, "2 rows and 3 invented people, closed to the key of courier; entry 7 of the log; 1 row kept back") {
		t.Errorf("%s (%v)", says, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v)", info, err)
	}
}

func TestWhose(t *testing.T) {
	g := fakeHouse(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "line 1003") {
			io.WriteString(w, `{"found":[{"line":3,"recipient":"courier","given":"2026-11-24T09:00:00Z"}]}`)
			return
		}
		io.WriteString(w, `{"found":[]}`)
	})
	var lines strings.Builder
	for range 1002 {
		lines.WriteString("nothing\n")
	}
	whose := func(in string) (string, error) {
		var out bytes.Buffer
		err := (&EgressWhose{g}).Run(&world.World{Stdin: strings.NewReader(in), Stdout: &out, Stderr: io.Discard})
		return out.String(), err
	}
	if says, err := whose(lines.String()); err != nil || says != "nobody invented in 1002 lines\n" {
		t.Errorf("%s (%v)", says, err)
	}
	if says, err := whose(lines.String() + "line 1003"); err != world.ErrFound || says != "line 1003: an invented person of the list that courier was given on 2026-11-24\n" {
		t.Errorf("%s (%v)", says, err)
	}
}
