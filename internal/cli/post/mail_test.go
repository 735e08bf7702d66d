package post

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/cli/world"
)

var bounces = flag.String("bounces", os.Getenv("AVOW_BOUNCES"), "a folder of bounces: nine in ten must be sorted as such")

const inbox = `From a@a.example Mon Oct  5 10:12:00 2026
From: Ada <ada@a.example>
To: privacy@harbour.example
Subject: Newsletter
Content-Type: text/plain; charset=utf-8

Bitte nehmen Sie mich aus dem Verteiler.

From b@b.example Mon Oct  5 10:13:00 2026
From: bob@b.example
To: privacy@harbour.example
Subject: a copy

Please send me a copy of my personal data.

From c@c.example Mon Oct  5 10:14:00 2026
From: carl@c.example
To: privacy@harbour.example
Subject: 

`

func runMail(t *testing.T, c *Mail) (out, errs string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	err = c.Run(&world.World{Stdin: strings.NewReader(inbox), Stdout: &o, Stderr: &e})
	for _, secret := range []string{"@", "Ada", "Verteiler", "copy of"} {
		if strings.Contains(o.String()+e.String(), secret) {
			t.Errorf("it says %q:\n%s%s", secret, &o, &e)
		}
	}
	return o.String(), e.String(), err
}

func TestMailLooks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "inbox")
	if err := os.WriteFile(name, []byte(inbox), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{name, filepath.Dir(name), "-"} {
		out, _, err := runMail(t, &Mail{Boxes: []string{from}, To: "Privacy@harbour.example"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"unsubscribe  2      2     de 1\n", "request      1      1     en 1\n", "3 mails; only looked, nothing changed"} {
			if !strings.Contains(out, want) {
				t.Errorf("it does not say %q:\n%s", want, out)
			}
		}
	}
	out, _, _ := runMail(t, &Mail{Boxes: []string{"-"}, JSON: true})
	var last sorted
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[1]), &last); err != nil || len(lines) != 3 || last.Name != "-:2" || last.Kind != "request" || last.Right != "copy" || !last.Sure {
		t.Errorf("%v, %+v in\n%s", err, last, out)
	}
}

// A mail that fails is named, and the others go on.
func TestMailApplies(t *testing.T) {
	n := 0
	g := fakeHouse(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/mail" || r.Header.Get("Content-Type") != "message/rfc822" || !bytes.HasPrefix(body, []byte("From: ")) {
			t.Errorf("asked %s with %s", r.URL.Path, r.Header.Get("Content-Type"))
		}
		if n++; n == 2 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			io.WriteString(w, `{"title":"too large"}`)
			return
		}
		io.WriteString(w, `{"kind":"unsubscribe","done":"stopped"}`)
	})
	out, errs, err := runMail(t, &Mail{Boxes: []string{"-"}, Apply: true, Private: g.Private, Keys: g.Keys})
	if err != world.ErrFound || n != 3 || !strings.Contains(errs, "-:2: too large") || !strings.Contains(out, "3 mails; 1 failed; stopped 2\n") {
		t.Errorf("%v after %d:\n%s%s", err, n, out, errs)
	}
}

// If the house is not there it ends after a few, and says to run it again.
func TestMailGivesUp(t *testing.T) {
	n, fails := 0, func(n int) bool { return true }
	g := fakeHouse(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; fails(n) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		io.WriteString(w, `{"kind":"unsubscribe","done":"stopped"}`)
	})
	in := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(in, []byte(strings.Repeat(inbox, 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := runMail(t, &Mail{Boxes: []string{in}, Apply: true, Private: g.Private, Keys: g.Keys})
	if err == nil || n != maxInRow || !strings.Contains(err.Error(), "run this again") {
		t.Errorf("%v after %d", err, n)
	}
	n, fails = 0, func(n int) bool { return n%maxInRow != 0 }
	if _, _, err = runMail(t, &Mail{Boxes: []string{in}, Apply: true, Private: g.Private, Keys: g.Keys}); err != world.ErrFound || n != 60 {
		t.Errorf("%v after %d", err, n)
	}
	_, _, err = runMail(t, &Mail{Boxes: []string{filepath.Join(t.TempDir(), "none")}})
	if err == nil {
		t.Error("a mailbox that is not there is none")
	}
}

// TestBounces reads a folder of real ones: -bounces DIR, or AVOW_BOUNCES.
func TestBounces(t *testing.T) {
	if *bounces == "" {
		t.Skip("no -bounces DIR")
	}
	var out bytes.Buffer
	if err := (&Mail{Boxes: []string{*bounces}, JSON: true}).Run(&world.World{Stdout: &out, Stderr: io.Discard}); err != nil {
		t.Error(err)
	}
	kinds, all := map[string]int{}, 0
	for line := range strings.Lines(out.String()) {
		var s sorted
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		kinds[string(s.Kind)+s.Failed]++
		all++
	}
	t.Log(fmt.Sprint(kinds))
	if good := kinds["bounce"] + kinds["complaint"] + kinds["auto-reply"]; good*10 < all*9 {
		t.Errorf("%d of %d are sorted as bounces, complaints or automatic replies", good, all)
	}
}
