package recipients_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// said reads what a webhook was told, as its owner does.
func (h *house) said(p post) map[string]string {
	h.t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.PublicKey(), "whpk_"))
	if err != nil {
		h.t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.header.Get("webhook-signature"), "v1a,"))
	signed := bytes.Join([][]byte{[]byte(p.header.Get("webhook-id")), []byte(p.header.Get("webhook-timestamp")), p.body}, []byte("."))
	if err != nil || !ed25519.Verify(key, signed, signature) || p.header.Get("content-type") != "application/json" {
		h.t.Errorf("the webhook is not signed: %v", p.header)
	}
	var said map[string]string
	if err := json.Unmarshal(p.body, &said); err != nil {
		h.t.Fatal(err)
	}
	return said
}

func promisePassedOn(t *testing.T, cfg store.Config) {
	h := begin(t, cfg)
	ada := h.put("letter", map[avow.Field]string{"name": "Ada", "email": "ada@example.com"})
	eve := h.put("letter", map[avow.Field]string{"name": "Eve", "email": "eve@example.com"})
	h.put("order", map[avow.Field]string{"name": "Eve", "email": "eve@example.com", "address": "Quay 1"})
	table, _ := h.give("printer", "csv")
	h.give("courier", "csv")
	refs := map[string]string{}
	for _, row := range table[1:] {
		refs[row[2]] = row[0]
	}
	h.stop("ada@example.com", "*")
	h.stop("ada@example.com", "*") // a second click tells nothing new
	h.stop("nobody@example.com", "*")
	h.tell()
	if len(h.hook.posts) != 1 {
		t.Fatalf("a stop was told %d times", len(h.hook.posts))
	}
	if said := h.said(h.hook.posts[0]); said["type"] != "stopped" || said["ref"] != refs["ada@example.com"] || h.hook.posts[0].to != "https://printer.example/hook" || said["purpose"] != "" {
		t.Errorf("the printer is told %v", said)
	}
	if bytes.Contains(h.hook.posts[0].body, []byte("ada")) {
		t.Error("the notice names somebody")
	}
	h.tell()
	if len(h.hook.posts) != 1 {
		t.Error("what was done is told again")
	}
	h.passedLater(eve, refs["eve@example.com"])
	h.passedByLetter(ada)
}

// passedLater: who takes a notice and says nothing is asked again, who cannot be
// told is tried again, and what takes too long shows.
func (h *house) passedLater(eve avow.SubjectID, ref string) {
	t := h.t
	h.hook.status, h.hook.posts = 0, nil
	h.erase(eve)
	h.tell()
	if e := h.standing("passed-on"); e.Standing != avow.Kept || e.Figures[0].Value != "fewer than 10" {
		t.Errorf("just erased: %+v", e)
	}
	h.pass(8 * 24 * time.Hour)
	if e := h.standing("passed-on"); e.Standing != avow.Broken {
		t.Errorf("not told for eight days: %+v", e)
	}
	h.hook.status = 202
	h.tell()
	if len(h.hook.posts) != 2 { // the printer and the courier
		t.Fatalf("an erasure was told %d times", len(h.hook.posts))
	}
	i := slices.IndexFunc(h.hook.posts, func(p post) bool { return p.to == "https://printer.example/hook" })
	said := h.said(h.hook.posts[i])
	if said["type"] != "erased" || said["ref"] != ref || !strings.HasPrefix(said["at"], "2026-11-24T09:00:00") {
		t.Errorf("the printer is told %v", said)
	}
	if e := h.standing("passed-on"); e.Standing != avow.Kept || e.Figures[1].Value != "fewer than 10" {
		t.Errorf("told, and not done: %+v", e)
	}
	h.pass(2 * 24 * time.Hour)
	h.tell()
	h.pass(25 * time.Hour)
	h.tell()
	if len(h.hook.posts) != 4 {
		t.Errorf("after three days they were asked %d times", len(h.hook.posts))
	}
	path := strings.TrimPrefix(said["acknowledge"], "https://harbour.example")
	if body := h.open(path); !strings.Contains(body, "It is done</button>") { // whoever looks at all links does nothing
		t.Errorf("the page says %s", body)
	}
	h.hook.posts = nil
	h.pass(4 * 24 * time.Hour)
	h.tell()
	if len(h.hook.posts) != 2 {
		t.Errorf("a look at the page was taken for a word: %d are asked", len(h.hook.posts))
	}
	w := httptest.NewRecorder()
	h.pages.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Thank you") {
		t.Errorf("the word is answered %d", w.Code)
	}
	h.hook.posts, h.hook.status = nil, 204
	h.pass(4 * 24 * time.Hour)
	h.tell()
	if len(h.hook.posts) != 1 || h.hook.posts[0].to != "https://courier.example/hook" {
		t.Errorf("after the word %d are asked", len(h.hook.posts))
	}
	for _, wrong := range []string{"x", path[len("/privacy/recipients/done/"):] + "A"} {
		w := httptest.NewRecorder()
		h.pages.ServeHTTP(w, httptest.NewRequest("POST", "/privacy/recipients/done/"+wrong, nil))
		if w.Code != 404 {
			t.Errorf("a token that nobody gave is answered %d", w.Code)
		}
	}
}

var links = regexp.MustCompile(`https://harbour\.example(/\S+)`)

func (h *house) passedByLetter(ada avow.SubjectID) {
	h.ask("PUT", "/v1/recipients/printer", `{"tell": "mailto:lists@printer.example"}`, 200)
	h.erase(ada)
	h.tell()
	if len(h.hook.letters) != 1 || !strings.HasPrefix(h.hook.letters[0], "lists@printer.example\n") || !strings.Contains(h.hook.letters[0], "Erase what you have of:\n  ref_") {
		h.t.Fatalf("the letters are %q", h.hook.letters)
	}
	h.tell()
	if len(h.hook.letters) != 1 {
		h.t.Error("a letter is sent again at once")
	}
	h.pass(73 * time.Hour)
	h.tell()
	if len(h.hook.letters) != 2 {
		h.t.Errorf("after three days %d letters were sent", len(h.hook.letters))
	}
	w := httptest.NewRecorder()
	h.pages.ServeHTTP(w, httptest.NewRequest("POST", links.FindStringSubmatch(h.hook.letters[0])[1], nil))
	h.pass(73 * time.Hour)
	h.tell()
	if w.Code != 200 || len(h.hook.letters) != 2 {
		h.t.Errorf("after the word (%d) %d letters were sent", w.Code, len(h.hook.letters))
	}
}

// TestNoLetter: while letters cannot be sent webhooks are told, each once, and the
// letter is sent later.
func TestNoLetter(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.ask("PUT", "/v1/recipients/printer", `{"tell": "mailto:lists@printer.example"}`, 200)
	eve := h.put("order", map[avow.Field]string{"name": "Eve", "email": "eve@example.com", "address": "Quay 1"})
	h.give("printer", "csv")
	h.give("courier", "csv")
	h.erase(eve)
	h.hook.fault = errors.New("no way out")
	if err := h.Tell(t.Context()); !errors.Is(err, h.hook.fault) || len(h.hook.posts) != 1 {
		t.Errorf("%d are told, and %v", len(h.hook.posts), err)
	}
	h.hook.fault = nil
	h.pass(time.Hour)
	if h.tell(); len(h.hook.posts) != 1 || len(h.hook.letters) != 1 {
		t.Errorf("an hour later %d were told by program and %d by letter", len(h.hook.posts), len(h.hook.letters))
	}
}

// TestPins: a recipient gets nothing of what was handed over before they were
// one, nor fields that were not said then, and the plan says so.
func TestPins(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.put("order", map[avow.Field]string{"name": "Ada", "email": "ada@example.com", "address": "Quay 1"})
	wider := strings.NewReplacer("courier: {fields: [name, address]", "courier: {fields: [name, email, address]", "\nsharing:", "\n  packer: {fields: [name], for: [deliver], contract: \"sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41\"}\nsharing:").Replace(first)
	h.publish(wider)
	h.put("order", map[avow.Field]string{"name": "Eve", "email": "eve@example.com", "address": "Quay 2"})
	h.ask("PUT", "/v1/recipients/packer", `{"key": "`+h.key.Recipient().String()+`"}`, 200)
	before := h.ledger.Status().Size
	var plan struct {
		Rows, Kept, Canaries int
		Lots                 []struct {
			Statement, Rows int
			Fields          []string
			Kept            map[string]int
			Clause          string
		}
	}
	read := func(name string) {
		t.Helper()
		plan.Lots = nil
		if err := json.Unmarshal(h.ask("GET", "/v1/egress/"+name+"/plan?actor=mia", "", 200).Body.Bytes(), &plan); err != nil {
			t.Fatal(err)
		}
	}
	if read("packer"); plan.Rows != 1 || plan.Kept != 1 || plan.Canaries != 3 || len(plan.Lots) != 2 || plan.Lots[0].Kept["pin"] != 1 || plan.Lots[0].Clause != "recipients" {
		t.Errorf("%+v", plan)
	}
	if read("courier"); plan.Rows != 2 || strings.Join(plan.Lots[0].Fields, " ") != "name address" || strings.Join(plan.Lots[1].Fields, " ") != "name email address" {
		t.Errorf("%+v", plan)
	}
	if h.ledger.Status().Size != before {
		t.Error("a plan is in the log")
	}
	if table, _ := h.give("packer", "csv"); len(table) != 5 {
		t.Errorf("the packer is given %q", table)
	}
	table, _ := h.give("courier", "csv")
	rows, _ := h.real(table)
	if len(rows) != 1 { // whose address is at harbour.example is not told from somebody invented
		for _, row := range rows {
			if row[1] == "Ada" && row[2] != "" || row[1] == "Eve" && row[2] != "eve@example.com" {
				t.Errorf("the courier is given %q", row)
			}
		}
	}
	h.pass(400 * 24 * time.Hour)
	if read("packer"); plan.Rows != 0 || plan.Lots[1].Kept["expired"] != 1 {
		t.Errorf("what is about to go: %+v", plan)
	}
	h.ask("POST", "/v1/egress/packer", `{"actor": "mia"}`, 409)
}

// TestKept: whoever stopped letters, or whose browser opted out, is on no list
// for which that counts, and on those for what they asked for.
func TestKept(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ada := h.put("letter", map[avow.Field]string{"name": "Ada", "email": "ada@example.com"})
	h.put("order", map[avow.Field]string{"name": "Ada", "email": "ada@example.com", "address": "Quay 1"})
	h.put("survey", map[avow.Field]string{"email": "ada@example.com", "rating": "Good"})
	eve := h.put("survey", map[avow.Field]string{"rating": "Bad"})
	count := func(name string) int {
		t.Helper()
		table, _ := h.give(name, "csv")
		return len(table) - 4
	}
	if count("printer") != 2 || count("counter") != 2 {
		t.Fatal("nobody stopped anything")
	}
	h.stop("ada@example.com", "*")
	if count("printer") != 1 || count("counter") != 1 {
		t.Error("who stopped all letters is on a list")
	}
	h.stops.opted[eve] = true
	h.ask("POST", "/v1/egress/counter", `{"actor": "mia"}`, 409)
	plan := h.ask("GET", "/v1/egress/counter/plan?actor=mia", "", 200).Body.String()
	if !strings.Contains(plan, `"signal":1`) || !strings.Contains(plan, `"stopped":1`) {
		t.Errorf("%s", plan)
	}
	h.stops.opted[ada] = true
	if count("courier") != 1 {
		t.Error("who opted out gets no parcel")
	}
	h.publish(strings.NewReplacer("basis: opt-in", "basis: contract", "basis: legitimate-interest", "basis: contract").Replace(first))
	if h.ask("POST", "/v1/egress/counter", `{"actor": "mia"}`, 409); count("printer") != 1 {
		t.Error("who stopped or opted out is on a list, once that is said to be a part of what they asked for")
	}
}

// TestKindsOfAddress: an address of whatever kind is held to the stops, and those
// of invented people are of that kind too.
func TestKindsOfAddress(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.publish(strings.Replace(first, "category: user.contact.email,", "category: user.contact.email.work,", 1))
	h.put("letter", map[avow.Field]string{"name": "Ada", "email": "ada@example.com"})
	h.put("letter", map[avow.Field]string{"name": "Eve", "email": "eve@example.com"})
	h.stop("ada@example.com", "*")
	table, _ := h.give("printer", "csv")
	if text := fmt.Sprint(table); len(table) != 5 || strings.Contains(text, "ada@") || strings.Count(text, "@harbour.example") != 3 {
		t.Errorf("the printer is given %q", table)
	}
}

// TestRefused: what is asked for wrongly is answered with what to do.
func TestRefused(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.put("order", map[avow.Field]string{"name": "Ada", "email": "ada@example.com", "address": "Quay 1"})
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1/egress/counter", `{"actor": "mia", "format": "csv"}`, 409, "Nobody would be on this list"},
		{"POST", "/v1/egress/courier", `{"actor": "mia", "format": "xls"}`, 422, "csv or jsonl"},
		{"POST", "/v1/egress/courier", `{"actor": "mia", "to": "me"}`, 422, "csv or jsonl"},
		{"POST", "/v1/egress/courier", `{}`, 422, "actor"},
		{"PUT", "/v1/recipients/courier", `{"key": "AGE-SECRET-KEY-1"}`, 422, "public age key"},
		{"PUT", "/v1/recipients/courier", `{"tell": "http://courier.example"}`, 422, "https://"},
		{"PUT", "/v1/recipients/courier", `{"tell": "mailto:x"}`, 422, "https://"},
		{"PUT", "/v1/recipients/courier", `{}`, 422, "key"},
		{"PUT", "/v1/recipients/acme-ads", `{"key": "` + h.key.Recipient().String() + `"}`, 404, ""},
		{"GET", "/v1/egress/courier/receipts/x", "", 404, ""},
	} {
		if w := h.ask(c.method, c.path, c.body, c.status); !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s %s is answered %s", c.method, c.path, c.body, w.Body)
		}
	}
	h.publish(strings.Replace(first, "\nsharing:", "\n  packer: {fields: [name], for: [deliver], contract: \"sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41\"}\nsharing:", 1))
	if w := h.ask("POST", "/v1/egress/packer", `{"actor": "mia"}`, 409); !strings.Contains(w.Body.String(), "avow egress to packer --key") {
		t.Errorf("without a key it is answered %s", w.Body)
	}
}

// TestHistories: whatever happens in whatever order, no row leaves that decide
// refuses or that somebody stopped, and whoever was given and stopped or was
// erased is told of.
func TestHistories(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h, n, most := begin(t, cfg), 0, 40
		if cfg.URL != "" {
			most = 6
		}
		rapid.Check(t, func(rt *rapid.T) {
			if n++; n <= most || *long {
				newHistory(rt, h, n).run()
			}
		})
	})
}

var long = flag.Bool("long", false, "run all histories")

var texts = []string{first, strings.Replace(first, "courier: {fields: [name, address]", "courier: {fields: [name]", 1), strings.Replace(first, "printer: {fields: [name, email], for: [news, deliver]", "printer: {fields: [name, email], for: [news]", 1),
	strings.Replace(first, "letter: {fields: [email!, name], for: [news]", "letter: {fields: [email!, name], for: [count]", 1)}

type person struct {
	id      avow.SubjectID
	from    avow.Collection
	version avow.Version
	gone    bool
	given   map[string]string // ref by recipient
}

// A history is one of many that happen to a house, with people of its own.
type history struct {
	*rapid.T
	*house
	n      int
	people map[string]*person // by address
	owed   map[string]bool    // what, recipient and reference that have to be told
}

func newHistory(t *rapid.T, h *house, n int) *history {
	return &history{t, h, n, map[string]*person{}, map[string]bool{}}
}

func (y *history) run() {
	y.Repeat(map[string]func(*rapid.T){
		"put": func(t *rapid.T) {
			address := fmt.Sprintf("p%d@h%d.example.com", len(y.people), y.n)
			p := &person{from: rapid.SampledFrom([]avow.Collection{"order", "letter"}).Draw(t, "collection"), version: y.InForce().Version, given: map[string]string{}}
			p.id = y.put(p.from, map[avow.Field]string{"name": "N" + address, "email": address, "address": "A"})
			y.people[address] = p
		},
		"publish": func(t *rapid.T) { y.publish(rapid.SampledFrom(texts).Draw(t, "text")) },
		"stop": func(t *rapid.T) {
			address, p := y.one(t)
			if p == nil {
				return
			}
			scope := rapid.SampledFrom([]avow.Purpose{"*", "news", "count"}).Draw(t, "scope")
			y.stop(address, scope)
			for to, ref := range p.given {
				if r := y.recipient(to); !p.gone && slices.ContainsFunc(r, func(f avow.Purpose) bool { return f == scope || scope == "*" && f != "deliver" }) {
					y.owed["stopped "+to+ref] = true
				}
			}
		},
		"erase": func(t *rapid.T) {
			if _, p := y.one(t); p != nil && !p.gone {
				y.erase(p.id)
				p.gone = true
				for to, ref := range p.given {
					y.owed["erased "+to+ref] = true
				}
			}
		},
		"give": func(t *rapid.T) {
			y.list(rapid.SampledFrom([]string{"courier", "printer", "counter"}).Draw(t, "recipient"))
		},
		"": func(*rapid.T) { y.check() },
	})
}

func (y *history) one(t *rapid.T) (string, *person) {
	if len(y.people) == 0 {
		return "", nil
	}
	address := fmt.Sprintf("p%d@h%d.example.com", rapid.IntRange(0, len(y.people)-1).Draw(t, "person"), y.n)
	return address, y.people[address]
}

func (y *history) recipient(name string) []avow.Purpose {
	for _, r := range y.InForce().Recipients {
		if r.Name == name {
			return r.For
		}
	}
	return nil
}

// list gives a list and holds each row to what decide says of it.
func (y *history) list(to string) {
	r := httptest.NewRequest("POST", "/v1/egress/"+to, strings.NewReader(`{"actor": "mia", "format": "csv"}`))
	r.Header.Set("Authorization", "Bearer staff")
	w := httptest.NewRecorder()
	y.handler.ServeHTTP(w, r)
	if w.Code != 200 {
		return // nobody is on it
	}
	table := y.decrypt(w)
	column := slices.Index(table[0], "name")
	for _, row := range table[1:] {
		if column < 0 || !strings.HasPrefix(row[column], "N") || !strings.Contains(row[column], "@") {
			continue
		}
		address := strings.TrimPrefix(row[column], "N")
		p := y.people[address]
		if p == nil {
			continue // of another history
		}
		var fields []avow.Field
		for i, name := range table[0] {
			if name != "ref" && row[i] != "" {
				fields = append(fields, avow.Field(name))
			}
		}
		allowed := slices.ContainsFunc([]avow.Purpose{"deliver", "news", "count"}, func(f avow.Purpose) bool {
			g := decide.Giving{Use: decide.Use{Current: y.InForce().Statement, Pinned: y.Edition(p.version).Statement, Collection: p.from, Actor: "mia", Purpose: f, Fields: fields}, Recipient: to, On: avow.DateOf(y.clock())}
			d := y.stops.stopped[digest(address)]
			return decide.Share(g) == nil && !d[f] && !(d["*"] && f != "deliver")
		})
		if !allowed || p.gone {
			y.T.Fatalf("%s was given %v of %s", to, fields, p.from)
		}
		p.given[to] = row[0]
	}
}

// check holds what is owed to what is written down.
func (y *history) check() {
	found := map[string]bool{}
	err := y.db.View(context.Background(), func(tx *store.Tx) error {
		return tx.Each(context.Background(), "SELECT recipient, ref, what FROM egress_notice", func(scan func(...any) error) error {
			var to, what string
			var ref []byte
			err := scan(&to, &ref, &what)
			what, _, _ = strings.Cut(what, " ")
			found[what+" "+to+fmt.Sprintf("ref_%x", ref)] = true
			return err
		})
	})
	if err != nil {
		y.T.Fatal(err)
	}
	for duty := range y.owed {
		if !found[duty] {
			y.T.Fatalf("nobody is told: %s", duty)
		}
	}
}
