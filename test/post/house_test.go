package post

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/server"
)

// A house is a whole one, with its doors for mail open.
type house struct {
	*server.Server
	t       testing.TB
	public  string
	private string
	token   string // the staff's
	said    *log
	tokens  map[string]string // of programs, by purpose
	// Where mail comes in, and where programs hand in letters.
	Incoming, Local, Submission string
}

// log is what the house says of itself. No address of anybody is ever in it.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// startHouse starts a house that hands letters to relay, which may be "".
func startHouse(t testing.TB, relay string) *house {
	t.Helper()
	cert, key := certificate(t)
	dir := t.TempDir()
	h := &house{t: t, said: &log{}, tokens: map[string]string{}}
	var err error
	h.Server, err = server.New(t.Context(), server.Config{Data: dir + "/data", Keys: "file:" + dir + "/keys", Statement: harbour.Statement, StatementName: "statement.md",
		Log: slog.New(slog.NewTextHandler(h.said, nil)), Mail: server.Mail{Relay: relay, CertFile: cert, KeyFile: key}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open("file:"+dir+"/keys", seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.token = keys.Token()
	keys.Close()
	public, private := httptest.NewServer(h.Public()), httptest.NewServer(h.Private())
	h.public, h.private = public.URL, private.URL
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	for use, at := range map[server.MailUse]*string{server.FromAnywhere: &h.Incoming, server.FromOurServer: &h.Local, server.FromPrograms: &h.Submission} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*at = l.Addr().String()
		running.Go(func() {
			if err := h.ServeMail(l, use); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		end, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = h.CloseMail(end)
		cancel()
		running.Wait()
		public.Close()
		private.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if said := h.said.b.String(); strings.Contains(said, "town.example") {
			t.Errorf("the log names somebody: %s", said)
		} else if t.Failed() {
			t.Logf("the house says:\n%s", said)
		}
	})
	return h
}

// ask asks the API, and reads the answer into out.
func (h *house) ask(method, path, kind, body string, out any) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.private+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.token)
	r.Header.Set("Content-Type", kind)
	h.do(r, http.StatusCreated, out)
}

func (h *house) do(r *http.Request, most int, out any) {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > most {
		h.t.Fatalf("%s %s: %d %s", r.Method, r.URL.Path, resp.StatusCode, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			h.t.Fatalf("%s %s: %v: %s", r.Method, r.URL.Path, err, body)
		}
	}
}

// press sends a form of the public pages.
func (h *house) press(path string, pairs ...string) {
	h.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest("POST", h.public+path, strings.NewReader(values.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.do(r, http.StatusSeeOther, nil)
}

// program is the token of a program that sends letters for a purpose.
func (h *house) program(purpose string) (token string) {
	h.t.Helper()
	if token = h.tokens[purpose]; token != "" {
		return token
	}
	var made struct{ Token string }
	h.ask("POST", "/v1/tokens", "application/json", `{"name": "shop `+purpose+`", "may": ["send"], "purposes": ["`+purpose+`"]}`, &made)
	h.tokens[purpose] = made.Token
	return made.Token
}

// may says what the house says of a letter for a purpose to an address, on its
// port for programs: "250" or the reason.
func (h *house) may(address, purpose string) string {
	h.t.Helper()
	said, _ := swaks(h.t, "--server", h.Submission, "--from", "privacy@harbour.example", "--to", address, "--auth", "PLAIN", "--auth-user", purpose, "--auth-password", h.program(purpose), "--quit-after", "RCPT")
	if m := answerToRecipient.FindStringSubmatch(said); m != nil {
		return m[1]
	}
	h.t.Fatalf("no answer to a recipient: %s", said)
	return ""
}

var (
	answerToRecipient = regexp.MustCompile(`RCPT TO:.*\n<(?:-|\*\*) +(.*)`)
	startLink         = regexp.MustCompile(`https://harbour\.example(/u/start/[A-Za-z0-9_-]+)`)
)

// subscribed asks for the newsletter as a person does, and follows the link in the
// letter that comes.
func (h *house) subscribed(town *sink, address string) {
	h.t.Helper()
	before := len(town.letters())
	h.press("/f/newsletter", "email", address)
	link := startLink.FindStringSubmatch(town.next(h.t, before, address, "/u/start/").decoded())
	if link == nil {
		h.t.Fatal("the letter has no link to our site")
	}
	h.press(link[1])
}
