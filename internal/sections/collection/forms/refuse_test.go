package forms_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/server/servertest"
)

// canary is planted in everything that is refused, and looked for afterwards.
const canary = "xanthic-zephyr-canary"

// TestRefused sends what is no form. Each is answered with a 4xx that names
// the field where there is one, and none of it is kept anywhere.
func TestRefused(t *testing.T) {
	h := servertest.New(t)
	urlencoded := "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name, kind, body string
		status           int
		says             string
	}{
		{"an undeclared field", urlencoded, "email=a@b.example&message=" + canary + "&colour=" + canary, 422, "colour"},
		{"a field twice", urlencoded, "email=a@b.example&message=x&message=" + canary, 422, "message"},
		{"no e-mail address", urlencoded, "email=" + canary + "&message=x", 422, "e-mail address"},
		{"a missing field", urlencoded, "name=" + canary + "&email=a@b.example", 422, "fill this in"},
		{"too long", urlencoded, "email=a@b.example&message=" + strings.Repeat(canary, 250), 422, "4000"},
		{"two lines where one fits", urlencoded, "email=a@b.example&message=x&name=a%0d%0a" + canary, 422, "one line"},
		{"not UTF-8", urlencoded, "email=a@b.example&message=%ff" + canary, 400, "message"},
		{"a name that is not UTF-8", urlencoded, "email=a@b.example&message=x&%ff=" + canary, 422, "refused"},
		{"a control character", urlencoded, "email=a@b.example&message=%00" + canary, 422, "message"},
		{"bad escapes", urlencoded, "email=%zz&message=" + canary, 400, "well-formed"},
		{"ten megabytes", urlencoded, "email=a@b.example&message=" + canary + strings.Repeat("x", 10<<20), 413, "256 KB"},
		{"no form at all", "image/png", canary, 415, "application/x-www-form-urlencoded"},
		{"an unfinished multipart", "multipart/form-data; boundary=b", "--b\r\n" + canary, 400, "well-formed"},
		{"a file", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"message\"; filename=\"x\"\r\n\r\n" + canary + "\r\n--b--\r\n", 422, "message"},
		{"JSON with a name twice", "application/json", `{"email":"a@b.example","message":"x","message":"` + canary + `"}`, 400, "each name once"},
		{"JSON of the wrong type", "application/json", `{"email":"a@b.example","message":["` + canary + `"]}`, 422, "message"},
		{"a choice that is none", urlencoded, "rating=" + canary, 422, "one of the answers"},
	} {
		form := "/f/contact"
		if strings.HasPrefix(c.body, "rating") {
			form = "/f/survey"
		}
		t.Run(c.name, func(t *testing.T) {
			a := h.Send(form, c.kind, strings.NewReader(c.body))
			if a.Status != c.status || !strings.Contains(a.Body, c.says) {
				t.Errorf("it is answered %d, want %d and %q in\n%s", a.Status, c.status, c.says, a.Body)
			}
		})
	}
	if n := h.Get("/log/checkpoint").Body; !strings.Contains(n, "\n1\n") {
		t.Errorf("something was entered in the log:\n%s", n)
	}
	h.Stop()
	notKept(t, h)
}

// notKept looks for the canary in the data folder, the keys and the server's log.
func notKept(t *testing.T, h *servertest.House) {
	t.Helper()
	if strings.Contains(h.Log.String(), canary) {
		t.Error("the canary is in the server's log")
	}
	err := filepath.WalkDir(h.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(name)
		if strings.Contains(string(body), canary) {
			t.Errorf("the canary is in %s", filepath.Base(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakenIsSealed looks for what was taken, too: no value lies open.
func TestTakenIsSealed(t *testing.T) {
	h := servertest.New(t)
	h.Taken("contact", "name", canary, "email", canary+"@example.com", "message", canary)
	h.Stop()
	notKept(t, h)
}

func TestFromAnotherSite(t *testing.T) {
	h := servertest.New(t)
	r, _ := http.NewRequest("POST", h.URL+"/f/contact", strings.NewReader("email=a@b.example&message=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form that another site sends is answered %d", resp.StatusCode)
	}
}

// TestStatementMoved: nobody is held to a version they were not shown.
func TestStatementMoved(t *testing.T) {
	h := servertest.New(t)
	a := h.Post("contact", "email", "ada@example.com", "message", "what I typed", "avow-version", "7")
	if a.Status != http.StatusConflict || !strings.Contains(a.Body, "what I typed") || strings.Contains(a.Body, "tlog-proof") {
		t.Errorf("a form shown under another version is answered %d", a.Status)
	}
}
