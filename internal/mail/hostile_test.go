package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// endless repeats what it was given, after a beginning.
type endless struct {
	begin, again string
	at           int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		s := e.begin
		if e.at >= len(e.begin) {
			s = e.again
		}
		at := e.at
		if e.at >= len(e.begin) {
			at = (e.at - len(e.begin)) % len(e.again)
		}
		k := copy(p[n:], s[at:])
		n, e.at = n+k, e.at+k
	}
	return n, nil
}

const mixed = "From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n"

// Every bomb we know of, each without an end: it is refused by the limit that
// it breaks, soon and without being kept.
func TestBombs(t *testing.T) {
	nested, rfc822 := "From: a@b.example\n", ""
	for i := range 10_000 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		rfc822 += "Content-Type: message/rfc822\n\n"
	}
	for _, test := range []struct {
		name, begin, again, what string
	}{
		{"parts", mixed, "--x\n\n", "parts"},
		{"parts without text", mixed, "--x\nContent-Type: image/png\n\nx\n", "parts"},
		{"ten thousand parts", mixed + strings.Repeat("--x\n\nhello\n", 10_000), "x", "parts"},
		{"parts in parts", nested, "x\n", "levels of parts"},
		{"messages in messages", rfc822, "x\n", "levels of parts"},
		{"messages in a digest", "Content-Type: multipart/digest; boundary=x\n\n", "--x\n\n\n", "parts"},
		{"the same boundary within", "", "Content-Type: multipart/mixed; boundary=x\n\n--x\n", "levels of parts"},
		{"header of many lines", "", "A: b\n", "bytes of header"},
		{"header of one line", "A: ", "b", "bytes of header"},
		{"folded header", "A: b\n", " c\n", "bytes of header"},
		{"header of no fields", " ", "b", "bytes of header"},
		{"header of a part", mixed + "--x\n", "A: b\n", "bytes of header"},
		{"header of an original", "Content-Type: message/rfc822\n\n", "A: b\n", "bytes of header"},
		{"no end of lines", "From: a@b.example\n\n", "x", "bytes"},
		{"empty lines", "From: a@b.example\n\n", "\n", "bytes"},
		{"dashes", mixed, "--y\n", "bytes"},
		{"base64", "Content-Transfer-Encoding: base64\n\n", "QUFB", "bytes"},
		{"base64 of base64", "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n", "UVVGQg==\n", "bytes"},
		{"quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\n", "=", "bytes"},
		{"HTML", "Content-Type: text/html\n\n", "<blockquote><br><br>", "bytes"},
		{"charset", "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1b$B", "bytes"},
		{"status", "Content-Type: message/delivery-status\n\n", "Final-Recipient: rfc822; a@b.example\n\n", "bytes"},
		{"bounce", "From: mailer-daemon@b.example\nSubject: undeliverable\n\n", "to: <a@b.example> to: a@b.example\n", "bytes"},
		{"zeros", "\n", "\x00", "bytes"},
		{"CR", "A: b\r", "A: b\r", "bytes of header"},
	} {
		limits := Usual
		limits.Size = 4 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err := Read(&endless{begin: test.begin, again: test.again}, limits)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		var limit *LimitError
		if !errors.As(err, &limit) || limit.What != test.what {
			t.Errorf("%s: %v, want too many %s", test.name, err, test.what)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 14<<20 || took > 5*time.Second {
			t.Errorf("%s: %d KiB, %s", test.name, allocated>>10, took)
		}
	}
}

// The same bombs, with an end: what they cost when nothing refuses them.
func TestFinish(t *testing.T) {
	for name, s := range map[string]string{
		"HTML":      "Content-Type: text/html\n\n" + strings.Repeat("<blockquote><br><br>x", 200_000),
		"attribute": "Content-Type: text/html\n\n<a " + strings.Repeat("x=y ", 1<<20),
		"status":    "Content-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822; a@b.example\n\n", 100_000),
		"junk":      "Content-Type: message/delivery-status\n\n" + strings.Repeat("junk\n", 100_000),
		"bounce":    "From: mailer-daemon@b.example\nSubject: undeliverable\n\n" + strings.Repeat("to: <a@b.example> to: a@b.example x to: <a@b.example> to: a@b.example x\n", 100_000),
		"colons":    "From: mailer-daemon@b.example\nSubject: undeliverable\n\n" + strings.Repeat("to:", 100_000) + "a@b.example",
		"failed":    "X-Failed-Recipients: " + strings.Repeat("a@b.example, ", 10_000) + "\n\n" + strings.Repeat("user is is is is not ", 100_000),
		"words":     "Subject: " + strings.Repeat("=?a?q?", 40_000) + "\n\n",
		"comments":  "From: " + strings.Repeat("(", 80_000) + "\nTo: " + strings.Repeat("<", 60_000) + "\nCc: " + strings.Repeat(`"\`, 30_000) + "\n\n",
		"addresses": "To: " + strings.Repeat("a@b.example,", 20_000) + "\n\n",
		"different": "To: " + manyAddresses(15_000) + "\n\n",
		"domain":    "From: a@" + strings.Repeat("ü.", 80_000) + "\n\n",
		"ids":       "References: " + strings.Repeat("<a@b>", 50_000) + "\n\n",
		"type":      "Content-Type: text/plain; " + strings.Repeat("a*0*=x;", 30_000) + "\n\n",
		"fields":    strings.Repeat("a:\n", 80_000) + "\n",
	} {
		began := time.Now()
		m, err := Read(strings.NewReader(s), Usual)
		if took := time.Since(began); err != nil || took > 3*time.Second {
			t.Errorf("%s: %v, %s", name, err, took)
			continue
		}
		if len(m.To) > maxList || len(m.References) > maxReferences || len(m.Text) > Usual.Text || m.Report != nil && len(m.Report.Recipients) > maxList {
			t.Errorf("%s is kept", name)
		}
	}
}

func manyAddresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d@b.example,", i)
	}
	return b.String()
}

// Mail that is broken is still read, as far as it makes sense.
func TestBroken(t *testing.T) {
	for _, test := range []struct{ name, in, from, text string }{
		{"nothing", "", "", ""},
		{"no header end", "From: a@b.example\nSubject: x", "a@b.example", ""},
		{"no header", "hello there\nstop it", "", "hello there\nstop it"},
		{"body without an empty line", "From: a@b.example\nhello there", "a@b.example", "hello there"},
		{"From_ before", "From a@b.example Mon Mar  2 09:00:00 2026\nFrom: a@b.example\n\nhi", "a@b.example", "hi"},
		{"CR only", "From: a@b.example\rSubject: x\r\rstop\rit", "a@b.example", "stop\nit"},
		{"CR in a field", "From: a@b.example\nSubject: x\rFrom: eve@b.example\n\nhi", "a@b.example", "hi"},
		{"CR in text", "From: a@b.example\n\none\rtwo\r\nthree", "a@b.example", "one\ntwo\nthree"},
		{"unknown charset", "From: a@b.example\nContent-Type: text/plain; charset=klingon\n\nstop gr\xfc\xdfe", "a@b.example", "stop grüße"},
		{"charset not so", "From: a@b.example\nContent-Type: text/plain; charset=us-ascii\n\nstop grüße", "a@b.example", "stop grüße"},
		{"utf-8 not so", "From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\nstop gr\xfce", "a@b.example", "stop gr\uFFFDe"},
		{"boundary that never comes", "From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\nstop it", "a@b.example", "stop it"},
		{"boundary not told", "From: a@b.example\nContent-Type: multipart/mixed\n\n--zz1\n\nstop it\n--zz1--", "a@b.example", "stop it"},
		{"boundary not closed", mixed + "--x\n\nstop it", "a@b.example", "stop it"},
		{"boundary with blanks", mixed + "--x \t\n\nstop it\n--x--  \n", "a@b.example", "stop it"},
		{"boundary in a header", mixed + "--x\nContent-Type: text/plain\n--x\n\nstop it\n--x--", "a@b.example", "stop it"},
		{"parameter not indented", "Content-Type: multipart/mixed;\nboundary=\"x\"\nFrom: a@b.example\n\n--x\n\nstop it\n--x--", "a@b.example", "stop it"},
		{"broken type", "From: a@b.example\nContent-Type: text/plain; charset=\"iso-8859-1; format\n\nstop \xfc", "a@b.example", "stop ü"},
		{"type of nothing", "From: a@b.example\nContent-Type: text\n\nstop it", "a@b.example", "stop it"},
		{"base64 with junk", "From: a@b.example\nContent-Transfer-Encoding: base64\n\nc3R v\r\n!cCBpdA", "a@b.example", "stop it"},
		{"base64 in two", "From: a@b.example\nContent-Transfer-Encoding: base64\n\nc3RvcA==\nIGl0\n", "a@b.example", "stop it"},
		{"quoted junk", "From: a@b.example\nContent-Transfer-Encoding: quoted-printable\n\nst=6fp=\n =3D=zz =", "a@b.example", "stop ==zz "},
		{"zeros", "From: a@b.example\n\nst\x00op\x01 it\x7f", "a@b.example", "stop it"},
		{"HTML in HTML", "From: a@b.example\nContent-Type: text/html\n\n<style>p</style><script>stop</script>no <!-- x -->&lt;b&gt; <td>a<td>b", "a@b.example", "no <b> a b"},
		{"blank before the colon", "From : a@b.example\n\nhi", "a@b.example", "hi"},
		{"only HTML and empty text", "From: a@b.example\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\n \n--x\nContent-Type: text/html\n\n<p>stop\n--x--", "a@b.example", "stop"},
		{"two texts", mixed + "--x\n\none\n--x\nContent-Type: image/png\n\nx\n--x\n\ntwo\n--x--", "a@b.example", "one\ntwo"},
	} {
		m := mustRead(t, test.in)
		if m.From.Text() != test.from || m.Text != test.text {
			t.Errorf("%s: %q %q", test.name, m.From.Text(), m.Text)
		}
	}
}

// Whom a mail is from is either beyond doubt or nobody.
func TestFrom(t *testing.T) {
	for _, test := range []struct{ from, want string }{
		{"From: ann@b.example", "ann@b.example"},
		{"From: Ann <Ann@B.example>", "ann@b.example"},
		{`From: "Ann, of <eve@b.example>" <ann@b.example>`, "ann@b.example"},
		{`From: "Ann \" <eve@b.example>" <ann@b.example>`, "ann@b.example"},
		{"From: ann@b.example (eve@b.example)", "ann@b.example"},
		{"From: (eve@b.example, \\) (x)) ann@b.example", "ann@b.example"},
		{"From: Ann\n <ann@b.example>", "ann@b.example"},
		{"From: =?utf-8?q?Ann_=3Ceve=40b.example=3E?= <ann@b.example>", "ann@b.example"},
		{"From: =?utf-8?q?eve=40b.example=2C?= <ann@b.example>", "ann@b.example"},
		{"From: eve@b.example <ann@b.example>", "ann@b.example"},
		{"From: ann@b.example, Ann <ann@b.example>", "ann@b.example"},
		{"From: =?utf-8?q?ann=40b=2Eexample?=", ""},
		{"From: ann@b.example, eve@b.example", ""},
		{"From: <ann@b.example> <eve@b.example>", ""},
		{"From: <ann@b.example> eve@b.example", ""},
		{"From: Ann <ann@b.example>, junk", ""},
		{"From: friends: ann@b.example;", ""},
		{"From: ann@b.example; eve@b.example", ""},
		{"From: ann@b.example;", ""},
		{"From: <ann@b.example", ""},
		{"From: <eve@b.example:ann@b.example>", ""},
		{"From: <@eve.example:ann@b.example>", ""},
		{`From: "ann@b.example`, ""},
		{"From: ann@b.example (", ""},
		{"From: ann@b.example\nFrom: eve@b.example", ""},
		{"From: ann@b.example\nfrom : eve@b.example", ""},
		{"From: ann@b.example\nFrom: ann@b.example", "ann@b.example"},
		{"From: <>", ""},
		{"From:", ""},
		{"Sender: ann@b.example", ""},
		{"From: " + strings.Repeat(" ", 70_000) + "ann@b.example", "ann@b.example"},
		{"From: " + strings.Repeat("(x)", 30_000) + "ann@b.example", ""},
	} {
		if got := mustRead(t, test.from+"\n\nhi").From.Text(); got != test.want {
			t.Errorf("%.80s is from %q, want %q", test.from, got, test.want)
		}
	}
}

func TestMayReply(t *testing.T) {
	own, _ := ParseAddress("privacy@harbour.example")
	for _, test := range []struct {
		header string
		want   bool
	}{
		{"From: ann@b.example", true},
		{"From: ann@b.example\nReturn-Path: <ann@b.example>\nAuto-Submitted: no", true},
		{"From: ann@b.example\nReply-To: bob@b.example", true},
		{"From: ann@b.example\nPrecedence: first-class", true},
		{"From: bouncer@b.example", true},
		{"From: ann@b.example\nReturn-Path: <>", false},
		{"From: ann@b.example\nReturn-Path: < >", false},
		{"From: ann@b.example\nAuto-Submitted: auto-replied (vacation)", false},
		{"From: ann@b.example\nAuto-Submitted: auto-generated; x=y", false},
		{"From: ann@b.example\nAUTO-SUBMITTED: Something", false},
		{"From: ann@b.example\nPrecedence: Bulk", false},
		{"From: ann@b.example\nPrecedence: list", false},
		{"From: ann@b.example\nPrecedence: junk", false},
		{"From: ann@b.example\nList-Id: <x.b.example>", false},
		{"From: ann@b.example\nList-Unsubscribe: <https://b.example>", false},
		{"From: ann@b.example\nX-Auto-Response-Suppress: DR, AutoReply", false},
		{"From: ann@b.example\nX-Auto-Response-Suppress: DR", true},
		{"From: MAILER-DAEMON@b.example", false},
		{"From: postmaster@b.example", false},
		{"From: no-reply@b.example", false},
		{"From: noreply+17@b.example", false},
		{"From: Do_Not_Reply@b.example", false},
		{"From: owner-list@b.example", false},
		{"From: list-request@b.example", false},
		{"From: list-owner@b.example", false},
		{"From: ann@b.example\nReply-To: noreply@b.example", false},
		{"From: ann@b.example\nReturn-Path: <list-bounces@b.example>", false},
		{"From: Privacy@harbour.example", false},
		{"From: ann@b.example\nReply-To: privacy@harbour.example", false},
		{"From: ann@b.example, eve@b.example", false},
		{"Subject: x", false},
	} {
		if got := mustRead(t, test.header+"\n\nhi").MayReply(own); got != test.want {
			t.Errorf("%q may reply: %t", test.header, got)
		}
	}
}

// Text beyond the limit is cut off between characters, and said to be.
func TestCut(t *testing.T) {
	limits := Usual
	limits.Text = 11
	m, err := Read(strings.NewReader("From: a@b.example\n\nüüüüüüüüüü"), limits)
	if err != nil || !m.Cut || !strings.HasPrefix(m.Text, "üüüüü") || len(m.Text) > 11 {
		t.Errorf("%q %v %v", m.Text, m.Cut, err)
	}
	m, err = Read(strings.NewReader("From: a@b.example\n\nüüüüü\n"), limits)
	if err != nil || m.Cut || m.Text != "üüüüü" {
		t.Errorf("%q %v %v", m.Text, m.Cut, err)
	}
	// Characters take more room in UTF-8: the first part leaves less than none.
	part := "--x\nContent-Type: text/plain; charset=iso-8859-1\n\n" + strings.Repeat("\xfc", 11) + "\n"
	if m, err = Read(strings.NewReader(mixed+part+part), limits); err != nil || !m.Cut || m.Text != "üüüüü" {
		t.Errorf("%q %v %v", m.Text, m.Cut, err)
	}
	if m = mustRead(t, "From: a@b.example\n\n"+strings.Repeat("x ", 1<<20)); !m.Cut || len(m.Text) != Usual.Text {
		t.Errorf("%d %t", len(m.Text), m.Cut)
	}
}

type broken struct{ io.Reader }

var errBroken = errors.New("connection reset")

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errBroken
	}
	return n, err
}

func TestErrorsOfTheReader(t *testing.T) {
	if _, err := Read(broken{strings.NewReader("From: a@b.example\n\nhi")}, Usual); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range sampleFiles(f) {
		f.Add(name)
	}
	f.Add([]byte(mixed + "--x\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x--\n\n--x--\n\n--x--"))
	f.Add([]byte("Content-Type: text/html; charset=utf-16\n\n<p>\x00<blockquote>&nbsp;"))
	limits := Limits{Size: 64 << 10, Parts: 20, Depth: 5, Header: 8 << 10, Text: 2 << 10}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b), limits)
		again, errAgain := Read(&slow{b}, limits)
		if err != nil {
			var limit *LimitError
			if !errors.As(err, &limit) || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil || spell(m) != spell(again) {
			t.Fatalf("read twice: %v\n%s\n%s", errAgain, spell(m), spell(again))
		}
		if len(m.Text) > limits.Text || len(m.Attachments) > limits.Parts || int64(len(b)) > limits.Size {
			t.Fatalf("beyond the limits: %d of text, %d parts", len(m.Text), len(m.Attachments))
		}
		all := spell(m)
		if !utf8.ValidString(all) || strings.ContainsRune(all, 0) {
			t.Fatalf("not text: %q", all)
		}
		if strings.ContainsAny(m.Subject+m.ID+m.InReplyTo+strings.Join(m.References, ""), "\r\n") {
			t.Fatal("a header could be injected")
		}
		m.MayReply()
	})
}

// slow gives one byte at a time.
type slow struct{ b []byte }

func (s *slow) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	p[0], s.b = s.b[0], s.b[1:]
	return 1, nil
}

// spell writes out all of m, addresses too.
func spell(m *Message) string {
	var b strings.Builder
	fmt.Fprint(&b, m.ID, m.From.Text(), m.ReplyTo.Text(), m.ReturnPath.Text(), m.NullReturn, m.Subject, m.Text, m.Cut, m.InReplyTo, m.References, m.Date, m.Attachments, m.header)
	for _, a := range m.To {
		fmt.Fprint(&b, a.Text(), ",")
	}
	if r := m.Report; r != nil {
		for _, d := range r.Recipients {
			fmt.Fprint(&b, d.Final.Text(), d.Original.Text(), d.Action, d.Status, d.Class)
		}
		fmt.Fprint(&b, r.Original.ID, r.Original.To.Text(), r.Original.header)
	}
	if c := m.Complaint; c != nil {
		for _, a := range c.Recipients {
			fmt.Fprint(&b, a.Text())
		}
		fmt.Fprint(&b, c.Kind, c.ReturnPath.Text(), c.Original.ID, c.Original.header)
	}
	return b.String()
}

// TestManyRecipients: what a report says of each recipient is looked at long, so it
// is looked at for few.
func TestManyRecipients(t *testing.T) {
	one := "Final-Recipient: rfc822; %d@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; " + strings.Repeat("recipient address ", 8) + "\n\n"
	raw := "Content-Type: message/delivery-status\n\n"
	for i := range 1000 {
		raw += fmt.Sprintf(one, i)
	}
	m, err := Read(strings.NewReader(raw), Usual)
	if err != nil || m.Report == nil || len(m.Report.Recipients) != maxFindings {
		t.Errorf("%v, %+v", err, m)
	}
}
