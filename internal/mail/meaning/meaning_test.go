package meaning

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/mail"
)

const token = "AbCdEfGhIjKlMnOpQrStUvWx_-0123456789"

var optOut = func() mail.Address { a, _ := mail.ParseAddress("privacy@harbour.example"); return a }()

func read(t testing.TB, raw string) *mail.Message {
	t.Helper()
	m, err := mail.Read(strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n")), mail.Usual)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOf: what decides, in order.
func TestOf(t *testing.T) {
	const to = "From: a@a.example\nTo: privacy@harbour.example\n"
	program := "MIME-Version: 1.0\nContent-Type: application/octet-stream; name=invoice.pdf.exe\nContent-Disposition: attachment; filename=invoice.pdf.exe\nContent-Transfer-Encoding: base64\n\nTVqQAAMA\n"
	for _, c := range []struct {
		name, raw string
		kind      Kind
		sure      bool
		token     string
	}{
		{"a click in a mail program", to + "Subject: unsubscribe " + token + "\n\n", Unsubscribe, true, token},
		{"a click, told to be automatic", to + "Auto-Submitted: auto-generated\nSubject: unsubscribe " + token + "\n\nThis message was automatically generated.\n", Unsubscribe, true, token},
		{"a token in capitals", to + "Subject: UNSUBSCRIBE " + token + "\n\n", Unsubscribe, true, token},
		{"no token", to + "Subject: unsubscribe newsletter\n\n", Unsubscribe, true, ""},
		{"a token in the address", "From: a@a.example\nTo: privacy+abcdefghijklmnopqrstuvwxyz234567@harbour.example\nSubject: x\n\nhello\n", Unsubscribe, true, "abcdefghijklmnopqrstuvwxyz234567"},
		{"a tag on another's address", "From: a@a.example\nTo: sales+abcdefghijklmnopqrstuvwxyz234567@harbour.example\nSubject: x\n\nhello\n", Question, false, ""},
		{"a tag at another domain", "From: a@a.example\nTo: privacy+abcdefghijklmnopqrstuvwxyz234567@other.example\nSubject: x\n\nhello\n", Question, false, ""},
		{"a click without a token", to + "Auto-Submitted: auto-generated\nSubject: unsubscribe\n\n", Unsubscribe, true, ""},
		{"a subject that the text takes back", to + "Subject: unsubscribe\n\nI accidentally unsubscribed, please put me back.\n", Question, false, ""},
		{"a subject that is ours", to + "Subject: Re: Please unsubscribe me, and erase all my data\n\nThank you. The repair is fine, too.\n", Question, false, ""},
		{"a letter sent back", to + "Subject: Fwd: news\n\nPlease stop sending me these.\n\n---------- Forwarded message ---------\nFrom: House <news@harbour.example>\nList-Unsubscribe: <mailto:privacy@harbour.example?subject=unsubscribe%20" + token + ">\n", Unsubscribe, true, token},
		{"a quoted link", to + "Subject: Re: news\n\nStop sending me these.\n\n> List-Unsubscribe:\n> <https://harbour.example/u/" + token + ">\n", Unsubscribe, true, token},
		{"a question about a letter", to + "Subject: Re: news\n\nWhen does the course begin?\n\n> List-Unsubscribe: <https://harbour.example/u/" + token + ">\n", Question, false, ""},
		{"nothing at all", to + "\n\n", Unsubscribe, true, ""},
		{"nothing but an answer", to + "Subject: Re: October news\n\n\n> Dear friends\n", Unsubscribe, false, ""},
		{"nothing to somebody else", "From: a@a.example\nTo: sales@harbour.example\n\n\n", Question, false, ""},
		{"nothing but a subject", to + "Subject: my order is late\n\n", Question, false, ""},
		{"an answer to our word", to + "Subject: Re: You are unsubscribed\n\nThank you. Which data do you still need from me for the repair?\n", Question, false, ""},
		{"RFC 3834", to + "Auto-Submitted: auto-replied\nSubject: Re: news\n\nPlease unsubscribe me.\n", AutoReply, true, ""},
		{"RFC 3834, with a comment", to + "Auto-Submitted: auto-replied; owner-email=x\nSubject: hello\n\nhello\n", AutoReply, true, ""},
		{"a person, who says so", to + "Auto-Submitted: no\nSubject: news\n\nPlease unsubscribe me.\n", Unsubscribe, true, ""},
		{"an older program", to + "X-Autoreply: yes\nSubject: unsubscribe\n\n", AutoReply, true, ""},
		{"another", to + "Precedence: auto_reply\nSubject: hi\n\nI am away.\n", AutoReply, true, ""},
		{"who answers one of them", to + "Subject: Re: Automatic reply: news\n\nThank you, which size did you mean?\n", Question, false, ""},
		{"away, without a header", to + "Subject: Re: October news\n\nI am on vacation until 12 October. In urgent matters call us.\n", AutoReply, false, ""},
		{"away, and asks", to + "Subject: Re: October news\n\nI am on vacation until 12 October. Can you deliver after that?\n", Question, false, ""},
		{"away, in many words", to + "Subject: Re: October news\n\nI am on vacation. " + strings.Repeat("The bellows leak a little. ", 20) + "\n", Question, false, ""},
		{"returned without a report", "Return-Path: <>\nFrom: MAILER-DAEMON@a.example\nTo: privacy@harbour.example\nSubject: failure notice\n\nSorry.\n", Bounce, true, ""},
		{"a list", to + "List-Id: <deals.shop.example>\nSubject: 50 % off\n\nBuy now? To unsubscribe, click here: https://shop.example/u\n", Junk, true, ""},
		{"who writes over a list", to + "List-Id: <all.a.example>\nSubject: your mails\n\nPlease take us off your mailing list.\n", Unsubscribe, false, ""},
		{"who wants to stay, over a list", to + "List-Id: <all.a.example>\nSubject: your mails\n\nPlease do not unsubscribe us.\n", Question, false, ""},
		{"who answers over a list", to + "List-Id: <all.a.example>\nIn-Reply-To: <x@harbour.example>\nSubject: your mail\n\nThat is fine.\n", Question, false, ""},
		{"a program", to + "Subject: invoice\n" + program, Junk, true, ""},
		{"a program that is named", to + "Subject: invoice\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nDoes this run?\n--b\n" + strings.TrimPrefix(program, "MIME-Version: 1.0\n") + "--b--\n", Question, false, ""},
		{"a picture", to + "Subject: \nContent-Type: image/png; name=reed.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n", Question, false, ""},
		{"HTML with a quotation", to + "Subject: Re: news\nContent-Type: text/html\n\n<p>When is the course?</p><blockquote><p>Please unsubscribe me</p></blockquote>\n", Question, false, ""},
	} {
		m := Of(read(t, c.raw), Own{OptOut: optOut})
		if m.Kind != c.kind || m.Sure != c.sure || m.Token != c.token || m.Why == "" {
			t.Errorf("%s: %+v, want %s, sure %v, token %q", c.name, m, c.kind, c.sure, c.token)
		}
	}
}

// TestAlso: what else a mail wants is kept.
func TestAlso(t *testing.T) {
	for _, c := range []struct {
		text, right string
		kinds       []Kind
		sure        bool
	}{
		{"Please unsubscribe me. When will my order arrive?", "", []Kind{Unsubscribe, Question}, false},
		{"Please unsubscribe me. I have no time to read.", "", []Kind{Unsubscribe}, true},
		{"Please unsubscribe me. " + strings.Repeat("The bellows leak a little. ", 20), "", []Kind{Unsubscribe, Question}, false},
		{"Tell me how I can opt out of your newsletter.", "", []Kind{Unsubscribe}, false},
		{"Je vous informe que je résilie mon contrat d'entretien n° 778 à compter du 1er janvier.", "", []Kind{Unsubscribe, Question}, false},
		{"Quiero dar de baja mi contrato de mantenimiento a final de año.", "", []Kind{Unsubscribe, Question}, false},
		{"Jeg opsiger hermed min serviceaftale 88 pr. 1. januar.", "", []Kind{Unsubscribe, Question}, false},
		{"Bitte melden Sie mich nicht vom Newsletter ab.", "", []Kind{Question}, false},
		{"Ich bekomme Ihren Newsletter nicht mehr. Ich habe mich nicht abgemeldet.", "", []Kind{Question}, false},
		{"Ich möchte Ihren Newsletter nicht mehr bekommen.", "", []Kind{Unsubscribe}, true},
		{"We help companies lower their unsubscribe rates.", "", []Kind{Question}, false},
		{"I would rather not, unsubscribe me.", "", []Kind{Unsubscribe}, true},
		{"Please remove this dent. I have the price from your list.", "", []Kind{Question}, false},
		{"Could you please unsubscribe me?", "", []Kind{Unsubscribe}, true},
		{"Erase all my data under Article 17 GDPR and stop sending me mails.", "erase", []Kind{Request, Unsubscribe}, true},
		{"I am 11 years old. Please delete my account and take me off your list.", "erase", []Kind{Child, Request, Unsubscribe}, true},
		{"I object to the processing of my data for direct marketing.", "object", []Kind{Request, Unsubscribe}, true},
		{"I withdraw my consent to the use of my data.", "withdraw", []Kind{Request, Unsubscribe}, true},
		{"Please erase all my data.", "erase", []Kind{Request}, true},
		{"Bitte nehmt mich aus dem Verteiler. By the way, what about the invoice I asked for?", "", []Kind{Unsubscribe, Question}, false},
		{"Ich bitte um Auskunft nach Art. 15 DSGVO. Please do not email me any more newsletters.", "know", []Kind{Request, Unsubscribe}, true},
	} {
		m := letter{text: c.text}.meaning()
		if got := append([]Kind{m.Kind}, m.Also...); !slices.Equal(got, c.kinds) || m.Right != c.right || m.Sure != c.sure {
			t.Errorf("%q: %v %q sure %v, want %v %q sure %v", c.text, got, m.Right, m.Sure, c.kinds, c.right, c.sure)
		}
	}
}

// TestEnclosed: above a letter that is enclosed a wish is not all that is said; a logo
// is none.
func TestEnclosed(t *testing.T) {
	for kind, sure := range map[string]bool{"application/pdf": false, "application/msword": false, "image/png": true, "application/pkcs7-signature": true} {
		m, err := mail.Read(strings.NewReader("From: a@b.example\nSubject: Kündigung\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b\nContent-Type: "+kind+"; name=x\n\nx\n--b--\n"), mail.Usual)
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(m, Own{}); got.Kind != Unsubscribe || got.Sure != sure || got.Wants(Question) == sure {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

// TestAge: who is a child is a matter of years.
func TestAge(t *testing.T) {
	for _, c := range []struct {
		text  string
		age   int
		child bool
	}{
		{"Hi, I am 12 years old and have an account.", 0, true},
		{"Hi, I am 13 years old and have an account.", 0, false},
		{"Hi, I am 13 years old and have an account.", 16, true},
		{"Hi, i’m eleven and have an account.", 0, true},
		{"I am 11 weeks into my trial.", 0, false},
		{"I am 1 of your customers.", 0, false},
		{"My son is 15 and made an account on your site.", 0, false},
		{"My son is 12 and made an account on your site.", 0, true},
		{"My son is 12 and likes the blue one.", 0, false},
		{"Ich bin 12jährig und habe mich angemeldet.", 0, true},
		{"j’ai onze ans", 0, true},
		{"Ho dodici anni e mi piace suonare", 0, true},
		{"Mam jedenaście lat", 0, true},
	} {
		m := Of(&mail.Message{Text: c.text}, Own{Age: c.age})
		if m.Wants(Child) != c.child {
			t.Errorf("%q below %d: %+v", c.text, c.age, m)
		}
	}
}

// TestQuoted: what stands below an introduction is not the sender's, in twelve
// languages and as programs wrap and name it.
func TestQuoted(t *testing.T) {
	const wish = "Please unsubscribe me at once"
	for _, intro := range []string{
		"On Mon, Oct 5, 2026 at 10:12 AM Harbour <news@harbour.example> wrote:",
		"On Mon, Oct 5, 2026 at 10:12 AM Harbour Instruments\n<news@harbour.example> wrote:",
		"Am Mo., 5. Okt. 2026 um 10:12 Uhr schrieb Harbour\n<news@harbour.example>:",
		"Am 05.10.26 um 10:12 schrieb Harbour:",
		"Le lun. 5 oct. 2026 à 10:12, Harbour <news@harbour.example> a\nécrit :",
		"El lun, 5 oct 2026 a las 10:12, Harbour (<news@harbour.example>)\nescribió:",
		"Il giorno lun 5 ott 2026 alle ore 10:12 Harbour <news@harbour.example>\nha scritto:",
		"Op ma 5 okt 2026 om 10:12 schreef Harbour <news@harbour.example>:",
		"Em seg., 5 de out. de 2026 às 10:12, Harbour\n<news@harbour.example> escreveu:",
		"W dniu 5.10.2026 o 10:12, Harbour pisze:",
		"pon., 5 paź 2026 o 10:12 Harbour <news@harbour.example> napisał(a):",
		"Den mån 5 okt. 2026 kl 10:12 skrev Harbour <news@harbour.example>:",
		"Den man. 5. okt. 2026 kl. 10.12 skrev Harbour <news@harbour.example>:",
		"ma 5. lokak. 2026 klo 10.12 Harbour (news@harbour.example) kirjoitti:",
		"po 5. 10. 2026 v 10:12 odesílatel Harbour <news@harbour.example>\nnapsal:",
		"-----Original Message-----", "-----Ursprüngliche Nachricht-----", "-------- Message original --------", "-----Mensaje original-----", "-----Messaggio originale-----",
		"-----Oorspronkelijk bericht-----", "-----Mensagem original-----", "-----Wiadomość oryginalna-----", "-----Ursprungligt meddelande-----", "-----Oprindelig meddelelse-----",
		"-----Alkuperäinen viesti-----", "-----Původní zpráva-----", "Begin forwarded message:", "Anfang der weitergeleiteten Nachricht:", "________________________________",
		"From: Harbour\nSent: Monday\nTo: Nora\nSubject: news", "*Von:* Harbour\n*Gesendet:* Montag\n*An:* Nora\n*Betreff:* Neues", "De : Harbour\nEnvoyé : lundi\nÀ : Nora\nObjet : nouvelles",
		"De: Harbour\nEnviado el: lunes\nPara: Nora\nAsunto: noticias", "Da: Harbour\nInviato: lunedì\nA: Nora\nOggetto: notizie", "Van: Harbour\nVerzonden: maandag\nAan: Nora\nOnderwerp: nieuws",
		"Od: Harbour\nWysłano: poniedziałek\nDo: Nora\nTemat: wieści", "Från: Harbour\nSkickat: måndag\nTill: Nora\nÄmne: nytt", "Fra: Harbour\nSendt: mandag\nTil: Nora\nEmne: nyt",
		"Lähettäjä: Harbour\nLähetetty: maanantai\nVastaanottaja: Nora\nAihe: uutta", "Od: Harbour\nOdesláno: pondělí\nKomu: Nora\nPředmět: novinky", "-- \nNora Vale",
	} {
		m := letter{subject: "Re: news", text: "When is the next course?\n\n" + intro + "\n\n" + wish + ".\n"}.meaning()
		if m.Kind != Question {
			t.Errorf("below %q: %+v", intro, m)
		}
		if m = (letter{subject: "Re: news", text: wish + ".\n\n" + intro + "\n\nWhen is the next course?\n"}).meaning(); m.Kind != Unsubscribe || !m.Sure {
			t.Errorf("above %q: %+v", intro, m)
		}
		if strings.HasSuffix(intro, ":") && strings.Contains(intro, "@") {
			if m = (letter{subject: "Re: news", text: intro + "\n> When is the next course?\n\n" + wish + ".\n"}).meaning(); m.Kind != Unsubscribe || m.Why == "empty" {
				t.Errorf("answered below the quotation of %q: %+v", intro, m)
			}
		}
	}
	for _, text := range []string{"I wrote: " + wish, "As I wrote on Monday, 5 October:\n\n" + wish} {
		if m := (letter{text: text + ".\n"}).meaning(); m.Kind != Unsubscribe {
			t.Errorf("%q: %+v", text, m)
		}
	}
}

// TestSpelling: case, accents, quotes, spaces and hyphens do not matter.
func TestSpelling(t *testing.T) {
	for _, text := range []string{
		"PLEASE TAKE ME OFF YOUR LIST", "please\u00a0take\u202fme\toff\nyour mailing\u00adlist", "I don’t want any more e‑mails", "I dont want any more e-mails", "I don`t want any more emails",
		"Je ne veux plus recevoir vos e\u0301missions et courriels", "ne m'envoyez plus rien", "Moechte keine Werbung mehr", "Möchte keine Werbung mehr", "Mo\u0308chte keine Werbung mehr",
		"ta bort mig fran er lista", "Tag mig væk fra jeres liste", "prosze wypisac mnie z listy", "Ｐｌｅａｓｅ ｕｎｓｕｂｓｃｒｉｂｅ ｍｅ", "plea\u200bse unsub\u200bscribe me",
	} {
		if m := (letter{text: text}).meaning(); !m.Wants(Unsubscribe) {
			t.Errorf("%q: %+v", text, m)
		}
	}
}

// TestLinear: the worst texts cost no more than a few times what plain ones do,
// and twice the text no more than about twice the time.
func TestLinear(t *testing.T) {
	took := func(text string) time.Duration {
		best := time.Hour
		for range 3 {
			start := time.Now()
			letter{text: text}.meaning()
			best = min(best, time.Since(start))
		}
		return best
	}
	for _, unit := range []string{"please unsubscribe me ", "stop ", "take me off ", "not not want want to to ", "> ", ">\n", "on 1 wrote:\n", "From: x\n", "a", "12", "é", "'", "l'", "?", ".\n\n", "keine nicht mehr ", "On 5\n", "List-Unsubscribe: <\n", "https://x ", "\n", "_"} {
		small, large := took(strings.Repeat(unit, 16_000/len(unit))), took(strings.Repeat(unit, 128_000/len(unit)))
		if large > 40*small+20*time.Millisecond {
			t.Errorf("%q: eight times the text took %v, not %v", unit, large, small)
		}
	}
}

// FuzzOf: whatever a text is, it has one kind, no text of it comes out, and the
// same mail means the same.
func FuzzOf(f *testing.F) {
	for _, lang := range Languages {
		for _, l := range readLetters(f, "testdata/letters/"+lang+".txt")[:6] {
			f.Add(l.subject, l.text)
		}
	}
	f.Add("unsubscribe "+token, "> List-Unsubscribe: <https://harbour.example/u/"+token+">")
	f.Fuzz(func(t *testing.T, subject, text string) {
		l := letter{subject: subject, text: text}
		m := l.meaning()
		if again := l.meaning(); fmt.Sprint(again) != fmt.Sprint(m) {
			t.Fatalf("%+v, then %+v", m, again)
		}
		if !slices.Contains(Kinds, m.Kind) || slices.Contains(m.Also, m.Kind) || (m.Kind == Request) != (m.Right != "") && m.Kind != Child {
			t.Fatalf("%+v", m)
		}
		if m.Language != "" && !slices.Contains(Languages, m.Language) || m.Token != "" && (!tokenLike(m.Token) || !m.Wants(Unsubscribe)) {
			t.Fatalf("%+v", m)
		}
		own, _ := ownWords(text)
		if len(own) > len(text) || utf8.ValidString(text) && !utf8.ValidString(own) {
			t.Fatal("more than was there")
		}
	})
}

// BenchmarkOf sorts letters as people write them, and one of 100 KB made of them.
func BenchmarkOf(b *testing.B) {
	var letters []letter
	var all strings.Builder
	for _, lang := range Languages {
		for _, l := range readLetters(b, "testdata/letters/"+lang+".txt") {
			letters = append(letters, l)
			own, _ := ownWords(l.text)
			all.WriteString(own + "\n")
		}
	}
	long := strings.ToValidUTF8(strings.Repeat(all.String(), 4)[:100<<10], "")
	known()
	bench := func(name string, letters []letter) {
		b.Run(name, func(b *testing.B) {
			size := 0
			for _, l := range letters {
				size += len(l.text) + len(l.subject)
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, l := range letters {
					l.meaning()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(letters)), "ns/mail")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(float64(size)/1024), "ns/KB")
		})
	}
	bench("letters", letters)
	bench("long", []letter{{text: long}})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load()
	}
}
