package letter

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	stdmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/internal/mail"
)

func address(t interface{ Fatal(...any) }, text string) mail.Address {
	a, err := mail.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func envelope(t interface{ Fatal(...any) }) Envelope {
	return Envelope{From: Mailbox{"Harbour Instruments Ltd", address(t, "privacy@harbour.example")}, To: address(t, "ada@example.com"),
		Date: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), ID: "abc", Unsubscribe: "https://harbour.example/u/TOKEN-" + strings.Repeat("x", 90),
		Mailto: address(t, "privacy@harbour.example"), Token: "TOKEN", Listed: true}
}

var house = func() *Signer {
	s := NewSigner("harbour.example")
	for _, selector := range Selectors {
		der, err := MakeKey(selector)
		if err == nil {
			err = s.Add(selector, der)
		}
		if err != nil {
			panic(err)
		}
	}
	return s
}()

// lookup finds the house's keys as others do.
func lookup(name string) ([]string, error) {
	for _, r := range house.Records() {
		if r.Name == name {
			return []string{r.Text}, nil
		}
	}
	return nil, errors.New("no such name")
}

type fatal interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// sent composes and signs, and holds the outcome to what all letters have to be.
func sent(t fatal, d *Draft, e Envelope) ([]byte, *stdmail.Message) {
	plain, err := d.Compose(e)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := house.Sign(plain)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(verified) != 2 {
		t.Fatalf("%d signatures (%v)", len(verified), err)
	}
	for _, v := range verified {
		if v.Err != nil || v.Domain != "harbour.example" {
			t.Fatalf("a signature does not verify: %v\n%q", v.Err, signed)
		}
	}
	if !carried(signed) || bytes.Contains(bytes.ReplaceAll(signed, []byte("\r\n"), nil), []byte("\r")) || bytes.Contains(bytes.ReplaceAll(signed, []byte("\r\n"), nil), []byte("\n")) {
		t.Fatalf("not every mail system carries %q", signed)
	}
	m, err := stdmail.ReadMessage(bytes.NewReader(signed))
	if err != nil {
		t.Fatalf("%v\n%q", err, signed)
	}
	return signed, m
}

// texts gives the texts of a letter by their kind.
func texts(t fatal, header interface{ Get(string) string }, body io.Reader) map[string]string {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			for kind, text := range texts(t, p.Header, p) {
				all[kind] = text
			}
		}
	}
	if header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	all[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	return all
}

// TestWritten: whatever is written verifies, and parses back with what was put in.
func TestWritten(t *testing.T) {
	anyText := rapid.OneOf(rapid.StringMatching(`[ -~äöü€😀\n]{1,400}`), rapid.StringN(1, 300, 900))
	rapid.Check(t, func(t *rapid.T) {
		p := Parts{Subject: rapid.OneOf(rapid.StringMatching(`[ -~äöü😀]{0,120}`), rapid.SampledFrom([]string{"=?utf-8?q?a?=", "a  b", strings.Repeat("x", 300), "a:b\tc"})).Draw(t, "subject"),
			Text: anyText.Draw(t, "text")}
		if rapid.Bool().Draw(t, "rich") {
			p.HTML = anyText.Draw(t, "html")
		}
		if rapid.Bool().Draw(t, "named") {
			p.From = rapid.SampledFrom([]string{"news@harbour.example", `"Zoë \"Z\" O'Neil, Ltd" <news@harbour.example>`, "Zoë <news@harbour.example>", `"a, b" <news@harbour.example>`}).Draw(t, "from")
		}
		d, err := Write(p)
		if strings.ContainsRune(p.Text+p.HTML, 0) {
			if err == nil {
				t.Fatal("a NUL went in")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if d, err = Kept(d.Bytes()); err != nil {
			t.Fatal(err)
		}
		e := envelope(t)
		_, m := sent(t, d, e)
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != strings.TrimSpace(p.Subject) {
			t.Fatalf("the subject is %q (%v), want %q", subject, err, p.Subject)
		}
		if p.From != "" {
			want, _ := stdmail.ParseAddress(p.From)
			if got, err := stdmail.ParseAddress(m.Header.Get("From")); err != nil || *got != *want {
				t.Fatalf("it is from %v (%v), want %v", got, err, want)
			}
		}
		got := texts(t, m.Header, m.Body)
		for kind, want := range map[string]string{"text/plain": p.Text, "text/html": p.HTML} {
			want = strings.ReplaceAll(strings.ReplaceAll(want, "\r\n", "\n"), "\r", "\n")
			if want != "" && !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			if got[kind] != want {
				t.Fatalf("%s is %q, want %q", kind, got[kind], want)
			}
		}
		stops(t, m, e)
	})
}

func stops(t fatal, m *stdmail.Message, e Envelope) {
	if got, want := m.Header["List-Unsubscribe"], "<"+e.Unsubscribe+">, <mailto:privacy@harbour.example?subject=unsubscribe%20TOKEN>"; len(got) != 1 || got[0] != want {
		t.Fatalf("List-Unsubscribe is %q, want %q", got, want)
	}
	if got := m.Header["List-Unsubscribe-Post"]; len(got) != 1 || got[0] != "List-Unsubscribe=One-Click" {
		t.Fatalf("List-Unsubscribe-Post is %q", got)
	}
	if m.Header.Get("To") != "<ada@example.com>" || m.Header.Get("Date") == "" || m.Header.Get("Message-Id") == "" || m.Header.Get("Cc") != "" {
		t.Fatalf("the header is %v", m.Header)
	}
}

// TestSubmitted: what a program submitted comes out as it went in, but for what
// is ours to say.
func TestSubmitted(t *testing.T) {
	for name, c := range map[string]struct {
		raw, fault string
		texts      map[string]string
	}{
		"plain":     {"Subject: Hi\n\nHello\n", "", map[string]string{"text/plain": "Hello\n"}},
		"eight bit": {"Subject: Hi\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n", "", map[string]string{"text/plain": "Grüße\n"}},
		"long line": {"Subject: Hi\n\n" + strings.Repeat("x ", 800) + "\n", "", map[string]string{"text/plain": strings.Repeat("x ", 800) + "\n"}},
		"the house's own fields": {"To: eve@example.org, mia@example.org\nCc: bob@example.org\nBcc: x@example.org\nReturn-Path: <x@y.example>\nX-Avow-Purpose: news\nX-AVOW-x: 1\n" +
			"List-Unsubscribe: <https://evil.example>\nList-Unsubscribe-Post: x\nReceived: from inside\nSubject: Hi\n\nHello\n", "", map[string]string{"text/plain": "Hello\n"}},
		"a place": {"Subject: Hi\nContent-Transfer-Encoding: quoted-printable\n\nStop: {unsub=\nscribe}\n", "", map[string]string{"text/plain": "Stop: " + envelope(t).Unsubscribe + "\n"}},
		"a place in HTML": {"Subject: Hi\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n{unsubscribe}\n--b\nContent-Type: text/html\n\n<a href='{unsubscribe}'>\n--b--\n", "",
			map[string]string{"text/plain": envelope(t).Unsubscribe, "text/html": "<a href='" + envelope(t).Unsubscribe + "'>"}},
		"no end of header": {"Subject: Hi\n", "does not end", nil},
		"a bare CR":        {"Subject: Hi\n\na\rb\n", "no line break", nil},
		"a NUL":            {"Subject: Hi\n\na\x00b\n", "NUL", nil},
		"two senders":      {"From: a@harbour.example\nFrom: b@harbour.example\nSubject: Hi\n\na\n", "twice", nil},
		"no field":         {"Subject: Hi\nnothing\n\na\n", "no field", nil},
		"a raw header":     {"Subject: Hi\nX: ä\n\na\n", "RFC 2047", nil},
		"too deep":         {deep(12), "too deep", nil},
		"too many":         {"Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 10_000) + "--b--\n", "too many", nil},
		"too large":        {"Subject: Hi\n\n" + strings.Repeat("x\n", MaxSize/2), "10 MB", nil},
	} {
		d, err := Parse([]byte(c.raw))
		var unfit *Unfit
		if c.fault != "" {
			if !errors.As(err, &unfit) || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %q", name, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		signed, m := sent(t, d, envelope(t))
		for kind, want := range c.texts {
			if got := texts(t, m.Header, m.Body)[kind]; got != want {
				t.Errorf("%s: %s is %q, want %q", name, kind, got, want)
			}
			m, _ = stdmail.ReadMessage(bytes.NewReader(signed))
		}
		stops(t, m, envelope(t))
		for _, gone := range []string{"eve@", "mia@", "bob@", "x@", "evil", "X-Avow", "X-AVOW", "Received", "Bcc"} {
			if strings.Contains(string(signed), gone) {
				t.Errorf("%s: %q is still there", name, gone)
			}
		}
	}
}

func deep(n int) string {
	if n == 0 {
		return "\nx\n"
	}
	b := "b" + strings.Repeat("x", n)
	return "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n" + deep(n-1) + "\n--" + b + "--\n"
}

// TestInjection: no value begins another header field.
func TestInjection(t *testing.T) {
	for _, evil := range []string{"a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org", "a\rBcc: x", "a\x00b", "a\u2028b", "a\x1bb", "a\xffb"} {
		for name, p := range map[string]Parts{
			"subject": {Subject: evil, Text: "x"}, "from": {From: evil + " <a@harbour.example>", Text: "x"}, "reply": {InReplyTo: "<" + evil + ">", Text: "x"}, "auto": {Auto: evil, Text: "x"},
		} {
			if _, err := Write(p); err == nil {
				t.Errorf("%s: %q went in", name, evil)
			}
		}
		d, _ := Write(Parts{Text: "x"})
		for name, e := range map[string]func(*Envelope){"token": func(e *Envelope) { e.Token = evil }, "address": func(e *Envelope) { e.Unsubscribe = evil }, "id": func(e *Envelope) { e.ID = evil },
			"name": func(e *Envelope) { e.From.Name = evil }} {
			env := envelope(t)
			if e(&env); name == "name" && !strings.ContainsAny(evil, "\r\n\x00\x1b\u2028") {
				continue // it is encoded
			}
			if got, err := d.Compose(env); err == nil {
				t.Errorf("%s: %q went in: %q", name, evil, got)
			}
		}
	}
}

// TestTransactional letters say nothing of stopping unless their text does.
func TestTransactional(t *testing.T) {
	d, err := Write(Parts{Subject: "Your parcel", Text: "It is on its way. {unsubscribe}"})
	if err != nil {
		t.Fatal(err)
	}
	e := envelope(t)
	e.Listed = false
	_, m := sent(t, d, e)
	if m.Header.Get("List-Unsubscribe") != "" || m.Header.Get("List-Unsubscribe-Post") != "" || !strings.Contains(texts(t, m.Header, m.Body)["text/plain"], e.Unsubscribe) {
		t.Errorf("the header is %v", m.Header)
	}
}

// FuzzParse: whatever is submitted, what comes out is a letter that verifies, or
// nothing.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"Subject: Hi\n\nHello {unsubscribe}\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n\xff{unsubscribe}\n--b--\n", deep(3),
		"Content-Transfer-Encoding: base64\n\ne3Vuc3Vic2NyaWJlfQ==\n", "From: a@b.example\nSubject: =?utf-8?q?x?=\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Kept(d.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		one, err := d.Compose(envelope(t))
		if err != nil {
			return // a text that is not encoded as it says
		}
		if two, err := again.Compose(envelope(t)); err != nil || !bytes.Equal(one, two) && !d.places {
			t.Fatalf("kept it is %q (%v), not %q", two, err, one)
		}
		sent(t, d, envelope(t))
	})
}
