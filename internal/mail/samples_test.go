package mail

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var samples = flag.String("samples", "", "a folder of messages to read; nine in ten of what their names claim must be found")

const ours = "testdata/mail"

// claims says what the name of a sample claims of it, by how it begins: ours,
// and those of sets of bounces that are about.
var claims = []struct {
	prefixes []string
	holds    func(m *Message) bool
}{
	{[]string{"hard-"}, func(m *Message) bool { return classes(m, Hard) }},
	{[]string{"soft-"}, func(m *Message) bool { return classes(m, Soft) }},
	{[]string{"fine-"}, func(m *Message) bool { return classes(m, Fine) }},
	{[]string{"unknown-"}, func(m *Message) bool { return classes(m, Unknown) }},
	{[]string{"complaint-", "arf-", "email-arf", "email-feedback"}, func(m *Message) bool { return m.Complaint != nil && m.Report == nil && !m.MayReply() }},
	{[]string{"auto-", "rfc3834-"}, func(m *Message) bool { return m.Report == nil && m.Complaint == nil && !m.MayReply() }},
	{[]string{"person-"}, func(m *Message) bool { return m.Report == nil && m.Complaint == nil && m.MayReply() }},
	{[]string{"lhost-", "rhost-", "rfc3464-", "email-", "bounce-"}, func(m *Message) bool { return m.Report != nil && len(m.Report.Recipients) > 0 }},
}

func classes(m *Message, class Class) bool {
	return m.Report != nil && m.Complaint == nil && len(m.Report.Recipients) > 0 && !m.MayReply() &&
		!slices.ContainsFunc(m.Report.Recipients, func(d Delivery) bool { return d.Class != class })
}

func TestSamples(t *testing.T) {
	readSamples(t, ours)
	if *samples != "" {
		readSamples(t, *samples)
	}
}

func readSamples(t *testing.T, dir string) {
	counts := map[string]int{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		m, err := Read(f, Usual)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		count(counts, m)
		for _, c := range claims {
			if slices.ContainsFunc(c.prefixes, func(p string) bool { return strings.HasPrefix(d.Name(), p) }) {
				if counts["claims"]++; !c.holds(m) {
					counts["missed"]++
				}
				if !c.holds(m) && dir == ours {
					t.Errorf("%s is not what it says: report %+v, complaint %t, may reply %t", name, m.Report, m.Complaint != nil, m.MayReply())
				} else if !c.holds(m) {
					t.Logf("%s is not what it says", name)
				}
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if counts["missed"]*10 > counts["claims"] {
		t.Errorf("%s: %d of %d claims are missed", dir, counts["missed"], counts["claims"])
	}
	t.Logf("%s: %v", dir, counts)
}

func count(counts map[string]int, m *Message) {
	counts["messages"]++
	if m.Complaint != nil {
		counts["complaints"]++
	}
	if m.Report != nil {
		counts["reports"]++
		for _, d := range m.Report.Recipients {
			counts[string(d.Class)]++
		}
	}
}

// read reads one of our samples, with the line ends it has and with others: the
// same is to be found in it.
func read(t *testing.T, name string) *Message {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(ours, name))
	if err != nil {
		t.Fatal(err)
	}
	m := mustRead(t, string(b))
	if crlf := mustRead(t, strings.ReplaceAll(string(b), "\n", "\r\n")); crlf.Text != m.Text || crlf.From != m.From {
		t.Errorf("%s is another one with CRLF", name)
	}
	return m
}

func mustRead(t *testing.T, s string) *Message {
	t.Helper()
	m, err := Read(strings.NewReader(s), Usual)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReports(t *testing.T) {
	for _, test := range []struct {
		name, recipients, original, list string
	}{
		{"hard-postfix.eml", "nora@gone.example (nora@gone.example) failed 5.1.1 hard", "letter-17@harbour.example", "https://harbour.example/u/abc"},
		{"soft-postfix-full.eml", "nora@full.example () failed 5.2.2 soft", "letter-17@harbour.example", "https://harbour.example/u/abc"},
		{"soft-postfix-delay.eml", "nora@slow.example () delayed 4.4.1 soft", "letter-17@harbour.example", "https"},
		{"hard-two-recipients.eml", "nora@gone.example () failed 5.1.1 hard|o.tto@elsewhere.example (otto@gone.example) failed 5.1.2 hard", "letter-17@harbour.example", "https"},
		{"hard-qmail.eml", "nora@gone.example () failed 5.1.1 hard", "letter-17@harbour.example", "https"},
		{"soft-qmail-queue.eml", "nora@slow.example () failed 4.4.1 soft", "letter-17@harbour.example", "https"},
		{"hard-exim.eml", "nora@gone.example () failed 5.1.1 hard", "letter-17@harbour.example", "https"},
		{"hard-exim-domain.eml", "nora@nowhere.invalid () failed  hard", "letter-17@harbour.example", "https"},
		{"soft-exim-delay.eml", "nora@slow.example () delayed  soft", "", ""},
		{"hard-exchange-2003.eml", "nora@gone.example () failed  hard", "", ""},
		{"hard-sendmail-old.eml", "nora@gone.invalid () failed 5.0.0 hard", "letter-17@harbour.example", "https"},
		{"soft-carrier-full.eml", "nora@carrier.example () failed  soft", "", ""},
		{"unknown-nobody-named.eml", " () failed  unknown", "", ""},
		{"hard-filter.eml", "nora@gone.example () failed 5.1.1 hard", "letter-17@harbour.example", "https"},
		{"hard-reason-first.eml", "nora@gone.example () failed  hard", "", ""},
		{"hard-reason-behind.eml", "nora@gone.example () failed  hard", "", ""},
		{"hard-userid.eml", "nora@gone.example () failed  hard", "letter-17@harbour.example", "https"},
		{"hard-notes-old.eml", "nora@gone.example () failed  hard", "letter-17@harbour.example", "https"},
		{"hard-wireless.eml", "5550100@phone.example () failed  hard", "", ""},
		{"soft-connect.eml", "nora@slow.example () failed  soft", "letter-17@harbour.example", "https"},
		{"fine-relayed.eml", "nora@there.example () relayed 2.0.0 fine", "letter-17@harbour.example", "https"},
		{"hard-opensmtpd.eml", "nora@gone.example () failed 5.0.0 hard", "letter-17@harbour.example", "https"},
	} {
		m := read(t, test.name)
		if m.Report == nil {
			t.Errorf("%s: no report", test.name)
			continue
		}
		var said []string
		for _, d := range m.Report.Recipients {
			said = append(said, fmt.Sprintf("%s (%s) %s %s %s", d.Final.Text(), d.Original.Text(), d.Action, d.Status, d.Class))
		}
		if got := strings.Join(said, "|"); got != test.recipients {
			t.Errorf("%s: %s, want %s", test.name, got, test.recipients)
		}
		if m.Report.Original.ID != test.original || !strings.Contains(strings.Join(m.Report.Original.Header("List-Unsubscribe"), ""), test.list) {
			t.Errorf("%s: original %q %q", test.name, m.Report.Original.ID, m.Report.Original.Header("List-Unsubscribe"))
		}
		if bounce, _ := ParseAddress("bounce+0c4r@harbour.example"); !slices.Contains(m.To, bounce) {
			t.Errorf("%s does not tell where it came to", test.name)
		}
	}
}

func TestClass(t *testing.T) {
	for _, test := range []struct {
		action, status, said string
		want                 Class
	}{
		{"delayed", "", "user unknown", Soft},
		{"delayed", "5.0.0", "", Soft},
		{"delivered", "5.0.0", "", Fine},
		{"expanded", "", "", Fine},
		{"failed", "2.0.0", "", Fine},
		{"failed", "4.4.7", "user unknown", Soft},
		{"failed", "5.1.1", "", Hard},
		{"failed", "5.1.10", "", Hard},
		{"failed", "5.2.2", "user unknown", Soft},
		{"failed", "5.0.0", "552 Mailbox full: user unavailable", Soft},
		{"failed", "5.0.0", "550 No such user here", Hard},
		{"failed", "5.0.0", "550 Requested action not taken: mailbox unavailable", Hard},
		{"failed", "5.7.1", "550 Invalid recipient", Hard},
		{"failed", "5.7.1", "550 Service unavailable; client host blocked using a list", Soft},
		{"failed", "5.7.1", "550 Relaying denied", Soft},
		{"failed", "5.6.0", "", Soft},
		{"failed", "5.0.0", "554 Message refused", Unknown},
		{"failed", "", "", Unknown},
	} {
		if got := classOf(test.action, test.status, test.said); got != test.want {
			t.Errorf("%s %s %q is %s, want %s", test.action, test.status, test.said, got, test.want)
		}
	}
	for said, want := range map[string]string{"550 5.1.1 x": "5.1.1", "550-5.1.1 x": "5.1.1", "(#5.1.1)": "5.1.1", "550 x": "5.0.0", "421-x": "4.0.0", "192.5.1.1": "", "5.1.1.": "5.1.1", "port 5501 ": "", "1550 x": ""} {
		if got := statusIn(said); got != want {
			t.Errorf("%q says %q, want %q", said, got, want)
		}
	}
}

func TestComplaints(t *testing.T) {
	for _, test := range []struct{ name, kind, recipients, back string }{
		{"complaint-arf.eml", "abuse", "nora@provider.example", "bounce+0c4r@harbour.example"},
		{"complaint-redacted.eml", "abuse", "nora@other.example", ""},
		{"complaint-optout.eml", "opt-out", "nora@provider.example", ""},
	} {
		c := read(t, test.name).Complaint
		if c == nil {
			t.Errorf("%s: no complaint", test.name)
			continue
		}
		var said []string
		for _, a := range c.Recipients {
			said = append(said, a.Text())
		}
		if c.Kind != test.kind || strings.Join(said, " ") != test.recipients || c.ReturnPath.Text() != test.back {
			t.Errorf("%s: %s %q %q", test.name, c.Kind, said, c.ReturnPath.Text())
		}
		o := c.Original
		if o.ID != "letter-17@harbour.example" || len(o.Header("List-Unsubscribe")) != 1 || o.Header("X-Avow-Letter")[0] != "0c4r" {
			t.Errorf("%s: original %q %v", test.name, o.ID, o.Header("List-Unsubscribe"))
		}
	}
}

func TestPersons(t *testing.T) {
	for _, test := range []struct{ name, subject, text string }{
		{"person-utf8.eml", "Kündigung bitte", "Bitte keine Briefe mehr. Grüße"},
		{"person-latin1.eml", "Grüße", "Bitte löschen Sie meine Daten. Grüße"},
		{"person-windows1251.eml", "Отпишите меня", "Отпишите меня, пожалуйста."},
		{"person-koi8.eml", "Отпишите", "Отпишите меня."},
		{"person-shiftjis.eml", "配信を止めてください", "配信を止めてください。"},
		{"person-iso2022jp.eml", "配信停止", "配信を止めてください。"},
		{"person-gb18030.eml", "退订", "请停止发送邮件。"},
		{"person-big5.eml", "stop", "請停止寄送郵件。"},
		{"person-euckr.eml", "수신 거부", "메일을 그만 보내 주세요."},
		{"person-utf16.eml", "stop", "stop it"},
		{"person-8bit-header.eml", "Grüße und Kündigung", "Ein Text ohne Angabe: Grüße"},
		{"person-html.eml", "stop", "Please stop all\nletters & surveys.\n\nNora\n\n> You get this because you asked.\n\n> To stop, click here."},
		{"person-alternative.eml", "stop", "Stop, please."},
		{"person-attachment.eml", "My request", "See the scan."},
	} {
		m := read(t, test.name)
		if m.Subject != test.subject || strings.TrimSpace(m.Text) != test.text {
			t.Errorf("%s: %q, %q", test.name, m.Subject, m.Text)
		}
		if m.From.Text() != "nora@there.example" || m.ID != "p1@there.example" || m.InReplyTo != "letter-17@harbour.example" ||
			strings.Join(m.References, " ") != "letter-16@harbour.example letter-17@harbour.example" || m.Date.UTC().Format("2006-01-02T15:04") != "2026-03-03T09:11" {
			t.Errorf("%s: header %q %q %q %q %s", test.name, m.From.Text(), m.ID, m.InReplyTo, m.References, m.Date)
		}
	}
	want := []Attachment{{"Unterschrift ü.png", "image/png", 70}, {"scan of me.pdf", "application/pdf", 12}, {"", "message/rfc822", 78}}
	if got := read(t, "person-attachment.eml").Attachments; !slices.Equal(got, want) {
		t.Errorf("attachments %v", got)
	}
}

func sampleFiles(t testing.TB) (all [][]byte) {
	names, err := filepath.Glob(ours + "/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal("no samples", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func BenchmarkRead(b *testing.B) {
	for name, s := range map[string]string{
		"person":     string(sampleFiles(b)[len(sampleFiles(b))-1]),
		"attachment": "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 50_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(strings.NewReader(s), Usual); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
