package recipients_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/use/recipients"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

const first = `---
statement: 1
organisation: {name: Harbour Ltd, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-01-01
data:
  name: {category: user.name}
  email: {category: user.contact.email, index: exact}
  address: {category: user.contact.address}
  rating: {category: user.content, type: choice, choices: [Good, Bad]}
purposes:
  deliver: {say: deliver what you ordered, basis: contract}
  news: {say: send you news, basis: opt-in, channel: email}
  count: {say: count how you like it, basis: legitimate-interest}
collect:
  order: {fields: [name!, email!, address!], for: [deliver], keep: 12 months}
  letter: {fields: [email!, name], for: [news], keep: 12 months}
  survey: {fields: [rating!, email], for: [count], keep: 12 months}
recipients:
  courier: {fields: [name, address], for: [deliver], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41", until: 2027-12-31}
  printer: {fields: [name, email], for: [news, deliver], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41"}
  counter: {fields: [rating], for: [count], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41"}
  ended: {fields: [name], for: [deliver], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41", until: 2026-01-31}
  friend: {fields: [name], for: [deliver]}
sharing: {canaries: 3, tell: 7 days}
optout: {address: stop@harbour.example, within: 2 days}
never: [sale]
---
# Privacy

## Use
[We share information only with the recipients in this table, each bound by contract.]{#recipients keeps=recipients}
[Each time a list leaves us it carries invented people of our own, so that a leak names its source.]{#canaries keeps=sharing.canaries}
[When you stop our letters or are erased, we tell the recipients who have you on a list within 7 days.]{#passed-on keeps=sharing.tell}
[Nothing is sold.]{#no-sale keeps=never.sale}
`

// A house is as much of one as lists need.
type house struct {
	*recipients.Section
	t        testing.TB
	db       *store.DB
	vault    *vault.Vault
	ledger   *ledger.Ledger
	handler  http.Handler
	pages    http.Handler
	editions []*statement.Edition
	stops    stops
	hook     hook
	key      *age.X25519Identity
	logs     bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (h *house) InForce() *statement.Edition { return h.editions[len(h.editions)-1] }
func (h *house) Edition(v avow.Version) *statement.Edition {
	if v < 1 || int(v) > len(h.editions) {
		return nil
	}
	return h.editions[v-1]
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// stops stands for the section that knows them.
type stops struct {
	stopped map[[32]byte]map[avow.Purpose]bool
	opted   map[avow.SubjectID]bool
}

func (s *stops) Digest(a mail.Address) [32]byte { return digest(a.Text()) }

func digest(address string) [32]byte { return sha256.Sum256([]byte(address)) }

func (s *stops) May(_ context.Context, _ *store.Tx, _, _ *statement.Edition, d [32]byte, p *statement.Purpose) (string, error) {
	if s.stopped[d]["*"] && !p.Transactional() || s.stopped[d][p.Name] {
		return "stopped", nil
	}
	return "", nil
}

func (s *stops) Opted(_ context.Context, _ *store.Tx, who avow.SubjectID) (bool, error) {
	return s.opted[who], nil
}

// hook stands for what recipients have to be told by.
type hook struct {
	status  int
	posts   []post
	letters []string
	fault   error // of letters
}

type post struct {
	to     string
	header http.Header
	body   []byte
}

func (k *hook) Post(_ context.Context, to string, header http.Header, body []byte) (*egress.Answer, error) {
	if k.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	k.posts = append(k.posts, post{to, header, body})
	return &egress.Answer{Status: k.status}, nil
}

func (k *hook) Notice(_ context.Context, _ *store.Tx, to mail.Address, subject, text string) error {
	if k.fault != nil {
		return k.fault
	}
	k.letters = append(k.letters, to.Text()+"\n"+subject+"\n"+text)
	return nil
}

func begin(t testing.TB, cfg store.Config) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), hook: hook{status: 200}}
	h.stops = stops{map[[32]byte]map[avow.Purpose]bool{}, map[avow.SubjectID]bool{}}
	h.publish(first)
	cfg.Clock = h.clock
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := seal.Create("file:"+dir, seal.Options{})
	must(err)
	h.db, err = store.Open(t.Context(), cfg)
	must(err)
	forget := func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
		if err := h.Erased(ctx, tx, id); err != nil {
			return err
		}
		return h.ledger.Forget(ctx, tx, id)
	}
	h.vault, err = vault.Open(t.Context(), h.db, keys, vault.Options{Forget: forget, Settle: time.Nanosecond})
	must(err)
	h.ledger, err = ledger.Open(t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		}})
	must(err)
	t.Cleanup(func() { h.ledger.Close(); h.db.Close() })
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/", Language: "en"} }, slog.New(slog.DiscardHandler))
	h.Section = recipients.New(recipients.Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Pages: pages, Editions: h, Keys: keys, Door: &h.hook, Stops: &h.stops,
		Letters: &h.hook, Log: slog.New(slog.NewTextHandler(&h.logs, nil))})
	mux := http.NewServeMux()
	pages.Mount(mux, h.Routes()...)
	h.pages = page.Secure(mux)
	a := api.New(api.Config{Store: h.db, Staff: api.Digest("staff"), Log: slog.New(slog.DiscardHandler)})
	h.AddTo(a)
	h.handler = a.Handler()
	h.key, err = age.GenerateX25519Identity()
	must(err)
	for _, name := range []string{"courier", "printer", "counter"} {
		h.ask("PUT", "/v1/recipients/"+name, `{"key": "`+h.key.Recipient().String()+`", "tell": "https://`+name+`.example/hook"}`, 200)
	}
	return h
}

func (h *house) publish(text string) {
	h.t.Helper()
	compiled, found := statement.Compile("statement.md", []byte(text), recipients.Keeps)
	if compiled == nil || len(compiled.Collect) == 0 {
		h.t.Fatal(found)
	}
	h.editions = append(h.editions, &statement.Edition{Statement: compiled, Version: avow.Version(len(h.editions) + 1)})
}

// ask asks the API as staff do.
func (h *house) ask(method, path, body string, want int) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer staff")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if w.Code != want {
		h.t.Fatalf("%s %s is answered %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	return w
}

// put keeps a record under the version in force.
func (h *house) put(from avow.Collection, values map[avow.Field]string) (who avow.SubjectID) {
	h.t.Helper()
	defer h.pass(time.Millisecond) // ids are in the order of their moments
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		var by []vault.By
		sealed := map[avow.Field]vault.Sealed{}
		for f, v := range values {
			if f == "email" {
				by = append(by, vault.By{Field: f, Category: "user.contact.email", Value: []byte(v)})
			}
			sealed[f] = vault.Conceal([]byte(v))
		}
		s, err := h.vault.Subject(ctx, tx, by...)
		if err != nil {
			return err
		}
		who = s.ID()
		_, err = h.vault.Put(ctx, tx, s, vault.Record{Collection: from, Version: h.InForce().Version, Values: sealed, Expires: tx.Now.AddDate(1, 0, 0)})
		return err
	})
	return who
}

func (h *house) commit(fn func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Commit(h.t.Context(), func(tx *store.Tx) error { return fn(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) erase(who avow.SubjectID) {
	h.t.Helper()
	h.commit(func(ctx context.Context, tx *store.Tx) error { return h.vault.Erase(ctx, tx, who) })
}

func (h *house) stop(address string, scope avow.Purpose) {
	h.t.Helper()
	a, err := mail.ParseAddress(address)
	if err != nil {
		h.t.Fatal(err)
	}
	d := h.stops.Digest(a)
	if h.stops.stopped[d] == nil {
		h.stops.stopped[d] = map[avow.Purpose]bool{}
	}
	h.stops.stopped[d][scope] = true
	h.commit(func(ctx context.Context, tx *store.Tx) error { return h.Stopped(ctx, tx, d, scope) })
}

// give gives a list out and reads it as its recipient does.
func (h *house) give(name, format string) (table [][]string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	w = h.ask("POST", "/v1/egress/"+name, `{"actor": "mia", "format": "`+format+`"}`, 200)
	if bytes.Contains(w.Body.Bytes(), []byte("ada@")) {
		h.t.Error("the answer is in clear")
	}
	if format == "csv" {
		return h.decrypt(w), w
	}
	for line := range strings.Lines(string(h.plain(w))) {
		table = append(table, []string{line})
	}
	return table, w
}

func (h *house) plain(w *httptest.ResponseRecorder) []byte {
	h.t.Helper()
	plain, err := age.Decrypt(w.Body, h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

func (h *house) decrypt(w *httptest.ResponseRecorder) [][]string {
	h.t.Helper()
	table, err := csv.NewReader(bytes.NewReader(h.plain(w))).ReadAll()
	if err != nil {
		h.t.Fatal(err)
	}
	return table
}

// real takes the invented people off a list.
func (h *house) real(table [][]string) (rows [][]string, invented int) {
	h.t.Helper()
	for _, row := range table[1:] {
		line := strings.Join(row, " ")
		if strings.Contains(line, "@harbour.example") || strings.Contains(line, "c/o Harbour Ltd") {
			invented++
			continue
		}
		rows = append(rows, row)
	}
	return rows, invented
}

func (h *house) standing(clause avow.ClauseID) avow.Evidence {
	h.t.Helper()
	found, err := h.Evidence(h.t.Context(), h.InForce())
	if err != nil {
		h.t.Fatal(err)
	}
	i := slices.IndexFunc(found, func(e avow.Evidence) bool { return e.Clause == clause })
	if i < 0 {
		h.t.Fatalf("there is no evidence of %s", clause)
	}
	return found[i]
}

func (h *house) open(path string) string {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.pages.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	if w.Code != 200 {
		h.t.Fatalf("%s is answered %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func (h *house) tell() {
	h.t.Helper()
	if err := h.Tell(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// TestPromises tries each promise of the package doc on both engines.
func TestPromises(t *testing.T) {
	t.Run("recipients", func(t *testing.T) { storetest.Engines(t, promiseRecipients) })
	t.Run("canaries", func(t *testing.T) { storetest.Engines(t, promiseCanaries) })
	t.Run("passed-on", func(t *testing.T) { storetest.Engines(t, promisePassedOn) })
}

func promiseRecipients(t *testing.T, cfg store.Config) {
	h := begin(t, cfg)
	ada := h.put("order", map[avow.Field]string{"name": "Ada", "email": "ada@example.com", "address": "=1+1\n\"Quay\" 1"})
	h.put("order", map[avow.Field]string{"name": "Eve", "email": "eve@example.com", "address": "Quay 2"})
	h.put("letter", map[avow.Field]string{"email": "ada@example.com"})
	before := h.ledger.Status().Size
	for name, clause := range map[string]string{"acme-ads": "recipients", "ended": "recipients", "friend": "recipients"} {
		for _, w := range []*httptest.ResponseRecorder{h.ask("POST", "/v1/egress/"+name, `{"actor": "mia"}`, 403), h.ask("GET", "/v1/egress/"+name+"/plan?actor=mia", "", 403)} {
			if !strings.Contains(w.Body.String(), `"clause":"`+clause+`"`) {
				t.Errorf("%s is refused with %s", name, w.Body)
			}
		}
	}
	if h.ledger.Status().Size != before {
		t.Error("what was refused is in the log")
	}
	table, w := h.give("courier", "csv")
	rows, invented := h.real(table)
	if len(rows) != 2 || invented != 3 || strings.Join(table[0], ",") != "ref,name,address" || rows[0][1] != "Ada" || rows[0][2] != "'=1+1\n\"Quay\" 1" || rows[1][2] != "Quay 2" {
		t.Errorf("the list is %q", table)
	}
	if w.Header().Get("Avow-Rows") != "2" || w.Header().Get("Avow-Canaries") != "3" || w.Header().Get("Avow-Kept") != "0" {
		t.Errorf("its head says %v", w.Header())
	}
	lines, _ := h.give("courier", "jsonl")
	if !slices.ContainsFunc(lines, func(l []string) bool { return strings.Contains(l[0], `"address":"=1+1\n\"Quay\" 1"`) }) {
		t.Errorf("the exact list is %q", lines)
	}
	text := h.ask("GET", "/v1/egress/courier/receipts/"+ada.String(), "", 200).Body.Bytes()
	r, err := receipt.Verify(text, receipt.Options{Key: h.ledger.Status().Key})
	if err != nil || r.Event.Type != "shared" || r.Event.Clause != "recipients" || r.Event.X["recipient"] != "courier" || r.Event.X["actor"] != "mia" || r.Event.X["until"] != "2027-12-31" ||
		r.Event.X["ref"] != rows[0][0] || !strings.HasPrefix(r.Event.X["contract"].(string), "sha256:5a1c") || r.Bulk != 2 {
		t.Errorf("the receipt says %+v (%v)", r, err)
	}
	h.ask("GET", "/v1/egress/printer/receipts/"+ada.String(), "", 404)
	other, _ := h.give("printer", "csv")
	if rows, _ := h.real(other); len(rows) != 3 || rows[0][0] == r.Event.X["ref"] {
		t.Errorf("two recipients can tell that they were given the same person: %q", rows)
	}
	if e := h.standing("recipients"); e.Standing != avow.Kept || e.Figures[0].Value != "3" || e.Figures[1].Value != "fewer than 10" || e.Entry == nil {
		t.Errorf("%+v", e)
	}
	body := h.open("/privacy/recipients")
	for _, want := range []string{"fewer than 10 rows", "deliver what you ordered", "31 December 2027", "<b>0</b><span>sold", "whpk_", "no contract, so they are given nothing"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var j struct {
		Recipients []struct {
			Name string
			Rows int64
			Last string
		}
		Sold *int
	}
	if err := json.Unmarshal([]byte(h.open("/privacy/recipients.json")), &j); err != nil || len(j.Recipients) != 5 || j.Recipients[0].Last != "2026-11-24" || j.Recipients[0].Rows != 0 || *j.Sold != 0 {
		t.Errorf("%+v (%v)", j, err)
	}
}

func promiseCanaries(t *testing.T, cfg store.Config) {
	h := begin(t, cfg)
	h.put("order", map[avow.Field]string{"name": "Ada", "email": "ada@example.com", "address": "Quay 1"})
	h.put("letter", map[avow.Field]string{"email": "ada@example.com"})
	printed, _ := h.give("printer", "csv")
	parcels, _ := h.give("courier", "csv")
	seen := map[string]bool{}
	for _, row := range printed[1:] {
		a, err := mail.ParseAddress(row[2])
		if err != nil {
			t.Fatal(err)
		}
		name, ok, err := h.Canary(t.Context(), a)
		if err != nil || ok != (a.Domain() == "harbour.example") || ok && (name != "printer" || row[1] == "") {
			t.Errorf("a row of the printer's leads to %q %v (%v)", name, ok, err)
		}
		if ok {
			seen[row[2]] = true
		}
	}
	if len(seen) != 3 {
		t.Fatalf("%d invented people went to the printer", len(seen))
	}
	if e := h.standing("canaries"); e.Standing != avow.Kept || e.Figures[0].Value != "6" || e.Figures[1].Value != "0" {
		t.Errorf("%+v", e)
	}
	for address := range seen {
		a, _ := mail.ParseAddress(strings.ToUpper(address))
		before := h.ledger.Status().Size
		for range 2 {
			if err := h.Touched(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		if h.ledger.Status().Size != before+1 || !strings.Contains(h.logs.String(), "recipient=printer") || strings.Contains(strings.ToLower(h.logs.String()), address) {
			t.Errorf("the log has %d entries more, and the program's says %s", h.ledger.Status().Size-before, &h.logs)
		}
		break
	}
	i := slices.IndexFunc(parcels, func(row []string) bool { return strings.Contains(row[2], "c/o Harbour Ltd") })
	found := h.ask("POST", "/v1/canaries", `{"lines": ["Mr Nobody", "`+strings.ToLower(parcels[i][2])+`", "ada@example.com"]}`, 200).Body.String()
	if !strings.Contains(found, `"recipient":"courier"`) || !strings.Contains(found, `"line":2`) || strings.Count(found, "line") != 1 {
		t.Errorf("what came by post is %s", found)
	}
	if e := h.standing("canaries"); e.Standing != avow.Kept || e.Figures[1].Value != "2" || !strings.Contains(e.Says, "Something came") {
		t.Errorf("%+v", e)
	}
	if body := h.open("/privacy/recipients"); !strings.Contains(body, "something came to 1") {
		t.Error("the page does not say that something came to an invented person")
	}
	h.publish(strings.Replace(first, "canaries: 3", "canaries: 0", 1))
	if table, _ := h.give("courier", "csv"); len(table) != 2 {
		t.Errorf("without a promise of invented people the list has %d rows", len(table)-1)
	}
}
