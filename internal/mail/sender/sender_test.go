package sender

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/avow-privacy/avow/internal/mail"
)

var (
	private ed25519.PrivateKey = ed25519.NewKeyFromSeed([]byte("a seed for tests, thirty-two by."))
	record                     = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
)

const letter = "From: Ann <ann@shop.example>\r\nTo: privacy@harbour.example\r\nSubject: stop\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n\r\nPlease stop.\r\n"

var covered = []string{"From", "To", "Subject", "Date", "Message-ID"}

func sign(t *testing.T, letter, domain string, keys []string) string {
	t.Helper()
	return signWith(t, private, letter, domain, keys)
}

func signWith(t *testing.T, key crypto.Signer, letter, domain string, keys []string) string {
	t.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(letter), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: key, HeaderKeys: keys,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func dns(answer string, err error) func(context.Context, string) ([]string, error) {
	return func(_ context.Context, name string) ([]string, error) {
		if err != nil || !strings.HasPrefix(name, "s._domainkey.") {
			return nil, err
		}
		return []string{answer}, nil
	}
}

func weigh(t *testing.T, raw string, o Options) Word {
	t.Helper()
	m, err := mail.Read(strings.NewReader(raw), mail.Usual)
	if err != nil {
		t.Fatal(err)
	}
	return Weigh(t.Context(), []byte(raw), m, o)
}

func TestSignatures(t *testing.T) {
	good := sign(t, letter, "shop.example", covered)
	domain := func(d string) string { return sign(t, letter, d, covered) }
	from := func(f string) string { return strings.Replace(letter, "ann@shop.example", f, 1) }
	for _, test := range []struct {
		name, raw string
		want      Trust
		reason    string
	}{
		{"signed", good, Authenticated, "a signature of its domain holds"},
		{"with bare line ends", strings.ReplaceAll(good, "\r\n", "\n"), Authenticated, ""},
		{"out of a mailbox", "From ann@shop.example Mon Mar  2 09:00:00 2026\n" + strings.ReplaceAll(good, "\r\n", "\n"), Authenticated, ""},
		{"through a border", "Received: from x by y\r\nX-Spam: no\r\n" + good, Authenticated, ""},
		{"domain above", sign(t, from("ann@mail.shop.example"), "shop.example", covered), Authenticated, ""},
		{"domain below", domain("mail.shop.example"), Authenticated, ""},
		{"domain of another", domain("shop2.example"), Doubtful, "nobody of its domain signed it"},
		{"suffix", sign(t, from("ann@shop.co.uk"), "co.uk", covered), Doubtful, "nobody of its domain signed it"},
		{"neighbour under a suffix", sign(t, from("ann@shop.co.uk"), "eve.co.uk", covered), Doubtful, "nobody of its domain signed it"},
		{"neighbour under a private suffix", sign(t, from("ann@ann.github.io"), "eve.github.io", covered), Doubtful, "nobody of its domain signed it"},
		{"IDN", sign(t, from("ann@bücher.example"), "xn--bcher-kva.example", covered), Authenticated, ""},
		{"unsigned", letter, Doubtful, "nobody signed it"},
		{"body changed", strings.Replace(good, "Please stop", "Never stop", 1), Doubtful, "its signature does not hold"},
		{"text added", good + "unsubscribe eve\r\n", Doubtful, "its signature does not hold"},
		{"subject changed", strings.Replace(good, "Subject: stop", "Subject: go", 1), Doubtful, "its signature does not hold"},
		{"subject uncovered", sign(t, letter, "shop.example", []string{"From", "To", "Date"}), Doubtful, "its signature does not cover the subject"},
		{"date uncovered", sign(t, letter, "shop.example", []string{"From", "To", "Subject"}), Doubtful, "its signature does not cover Date"},
		{"reply-to added", "Reply-To: eve@eve.example\r\n" + good, Doubtful, "its signature does not cover Reply-To"},
		{"by another's key", signWith(t, ed25519.NewKeyFromSeed(make([]byte, 32)), letter, "shop.example", covered), Doubtful, "its signature does not hold"},
		{"partly", strings.Replace(good, "v=1;", "v=1; l=14;", 1), Doubtful, "its signature covers only the beginning of it"},
		{"SHA-1", strings.Replace(good, "ed25519-sha256", "rsa-sha1", 1), Doubtful, "its signature uses a hash that does not hold any more"},
		{"From uncovered", strings.Replace(good, "h=From:", "h=", 1), Doubtful, "its signature does not cover From"},
		{"expired", strings.Replace(good, "v=1;", "v=1; x=1000000000;", 1), Doubtful, "its signature does not hold"},
		{"after a list's", sign(t, good, "lists.example", covered), Authenticated, ""},
		{"after three bad ones", strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s; h=from:subject:date; bh=AA==; b=AA==\r\n", 3) + good, Doubtful, "its signature does not hold"},
	} {
		w := weigh(t, test.raw, Options{TXT: dns(record, nil)})
		if w.Trust != test.want || test.reason != "" && w.Reason != test.reason {
			t.Errorf("%s: %s, %s", test.name, w.Trust, w.Reason)
		}
	}
}

func TestDNS(t *testing.T) {
	good := sign(t, letter, "shop.example", covered)
	for _, test := range []struct {
		name string
		txt  func(context.Context, string) ([]string, error)
		want string
	}{
		{"none", nil, "nobody signed it"},
		{"an error", dns("", errors.New("no ann.example")), "DNS does not tell the key of its signature"},
		{"no key", dns("", nil), "its signature does not hold"},
		{"a revoked key", dns("v=DKIM1; k=ed25519; p=", nil), "its signature does not hold"},
		{"a key for tests", dns("t=s:y; "+record, nil), "its domain only tests signing"},
		{"a key for another service", dns(record+"; s=tlsrpt", nil), "its signature does not hold"},
		{"two keys", func(context.Context, string) ([]string, error) { return []string{record, record}, nil }, "its signature does not hold"},
	} {
		if w := weigh(t, good, Options{TXT: test.txt}); w.Trust != Doubtful || w.Reason != test.want {
			t.Errorf("%s: %s, %s", test.name, w.Trust, w.Reason)
		}
	}
}

// DNS that does not answer, and a sender who asks for it often, cost no more
// than the time there is.
func TestTime(t *testing.T) {
	asked := 0
	txt := func(ctx context.Context, _ string) ([]string, error) {
		asked++
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	raw := strings.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s; h=from:subject:date; bh=AA==; b=AA==\r\n", 100) + letter
	m, _ := mail.Read(strings.NewReader(raw), mail.Usual)
	began := time.Now()
	if w := Weigh(ctx, []byte(raw), m, Options{TXT: txt, Max: 50}); w.Trust != Doubtful || asked != 1 || time.Since(began) > 2*time.Second {
		t.Errorf("%v, asked %d times, %s", w, asked, time.Since(began))
	}
}

// Names in a signature that is not of the domain in From are never asked for.
func TestNobodyIsAskedAbout(t *testing.T) {
	txt := func(_ context.Context, name string) ([]string, error) {
		t.Errorf("asked for %s", name)
		return nil, nil
	}
	weigh(t, sign(t, letter, "other.example", covered), Options{TXT: txt})
}

func TestCosts(t *testing.T) {
	sig := "DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s; bh=AA==; b=AA==; h=subject" + strings.Repeat(":from", 700) + "\r\n"
	for name, raw := range map[string]string{
		"fields":     sig + sig + sig + strings.Repeat("a:\r\n", 980) + letter,
		"folds":      "a:" + strings.Repeat("\n ", 100_000) + "\n" + letter,
		"all fields": strings.Repeat("a:\n", 80_000) + letter,
		"empty body": sig + sig + sig + letter + strings.Repeat("\r\n", 1<<20) + "x",
		"results":    theirs + ": mx; " + strings.Repeat("dkim=pass (", 20_000) + "\r\n" + letter,
		"blanks":     theirs + ": mx; " + strings.Repeat(" ", 200_000) + "x\r\n" + letter,
	} {
		began := time.Now()
		w := weigh(t, raw, Options{TXT: dns(record, nil), Trusted: []string{"mx"}})
		if took := time.Since(began); w.Trust != Doubtful || took > 3*time.Second {
			t.Errorf("%s: %v, %s", name, w, took)
		}
	}
}

func TestBorder(t *testing.T) {
	ar := func(values ...string) string {
		return "Authentication-Results: " + strings.Join(values, "\r\nAuthentication-Results: ") + "\r\n" + letter
	}
	for _, test := range []struct {
		name, raw string
		want      Trust
	}{
		{"DMARC", ar("mx.harbour.example; dmarc=pass header.from=shop.example"), Authenticated},
		{"DMARC, in capitals and comments", ar("(x) MX.harbour.example (y) 1; DMARC = Pass (p=reject) Header.From=Shop.Example"), Authenticated},
		{"DKIM", ar("mx.harbour.example; dkim=pass header.d=mail.shop.example"), Authenticated},
		{"DKIM by i", ar("mx.harbour.example; dkim=pass header.i=@shop.example header.b=xx"), Authenticated},
		{"two of DKIM", ar("mx.harbour.example; dkim=pass header.d=esp.example; dkim=pass header.d=shop.example"), Authenticated},
		{"SPF first", ar("mx.harbour.example; spf=pass smtp.mailfrom=eve.example", "mx.harbour.example; dkim=pass header.d=shop.example"), Authenticated},
		{"below what the border received", "Received: by mx\r\nReturn-Path: <x@y>\r\n" + ar("mx.harbour.example; dmarc=pass header.from=shop.example"), Authenticated},
		{"DKIM of another", ar("mx.harbour.example; dkim=pass header.d=eve.example"), Doubtful},
		{"DKIM failed", ar("mx.harbour.example; dkim=fail header.d=shop.example"), Doubtful},
		{"SPF only", ar("mx.harbour.example; spf=pass smtp.mailfrom=shop.example"), Doubtful},
		{"disowned", ar("mx.harbour.example; dmarc=fail (p=REJECT dis=none) header.from=shop.example"), Forged},
		{"disowned, another spelling", ar("mx.harbour.example; dmarc=fail policy.dmarc=quarantine header.from=shop.example"), Forged},
		{"watched", ar("mx.harbour.example; dmarc=fail (p=NONE) header.from=shop.example"), Doubtful},
		{"another From", ar("mx.harbour.example; dmarc=pass header.from=eve.example"), Doubtful},
		{"no From", ar("mx.harbour.example; dmarc=pass"), Doubtful},
		{"not asked", ar("mx.harbour.example; none"), Doubtful},
		{"temporary", ar("mx.harbour.example; dmarc=temperror header.from=shop.example"), Doubtful},
		{"version to come", ar("mx.harbour.example 2; dmarc=pass header.from=shop.example"), Doubtful},
		// What a sender writes to be believed.
		{"id of another", ar("mx.eve.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"id that begins like ours", ar("mx.harbour.example.eve.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"below one of another", ar("mx.eve.example; none", "mx.harbour.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"below ours", ar("mx.harbour.example; dkim=none", "mx.harbour.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"further below ours", "Authentication-Results: mx.harbour.example; spf=none\r\nReceived: x\r\n" + ar("mx.harbour.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"in a comment", ar("mx.harbour.example; spf=none (; dmarc=pass header.from=shop.example)"), Doubtful},
		{"in a nested comment", ar(`mx.harbour.example; spf=none ((\)) ; dmarc=pass header.from=shop.example)`), Doubtful},
		{"in a quoted string", ar(`mx.harbour.example; spf=none smtp.mailfrom="; dmarc=pass header.from=shop.example "@eve.example`), Doubtful},
		{"in a quoted pair", ar(`mx.harbour.example; spf=none smtp.mailfrom="\"; dmarc=pass header.from=shop.example; x="@eve.example`), Doubtful},
		{"a comment that does not end", ar("mx.harbour.example; dmarc=pass header.from=shop.example ("), Doubtful},
		{"a quoted string that does not end", ar(`mx.harbour.example; dmarc=pass header.from=shop.example "`), Doubtful},
		{"the domain twice", ar("mx.harbour.example; dkim=pass header.d=eve.example header.d=shop.example"), Doubtful},
		{"the domain in a local part", ar(`mx.harbour.example; dkim=pass header.i=shop.example@eve.example`), Doubtful},
		{"folded", "Subject: x\r\n Authentication-Results: mx.harbour.example; dmarc=pass header.from=shop.example\r\n" + strings.Replace(letter, "Subject", "X-Subject", 1), Doubtful},
		{"behind a CR", "X: y\rAuthentication-Results: mx.harbour.example; dmarc=pass header.from=shop.example\r\n" + letter, Doubtful},
		{"in a part", "Content-Type: message/rfc822\r\n" + letter + ar("mx.harbour.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"in the text", strings.TrimSuffix(letter, "Please stop.\r\n") + ar("mx.harbour.example; dmarc=pass header.from=shop.example"), Doubtful},
		{"under a like name", strings.Replace(ar("mx.harbour.example; dmarc=pass header.from=shop.example"), "Authentication-Results", "X-Authentication-Results", 1), Doubtful},
		{"of ARC", "ARC-Authentication-Results: i=1; mx.harbour.example; dmarc=pass header.from=shop.example\r\n" + letter, Doubtful},
	} {
		if w := weigh(t, test.raw, Options{Trusted: []string{"other.example", "mx.harbour.example"}}); w.Trust != test.want {
			t.Errorf("%s: %s, %s", test.name, w.Trust, w.Reason)
		}
		if w := weigh(t, test.raw, Options{}); w.Trust != Doubtful {
			t.Errorf("%s: %s although nobody is trusted", test.name, w.Trust)
		}
	}
}

// The tricks with From: whatever else speaks for the mail, none is believed.
func TestFromTricks(t *testing.T) {
	const ours = "Authentication-Results: mx; dmarc=pass header.from=shop.example\r\n"
	head := func(from string) string { return strings.Replace(letter, "From: Ann <ann@shop.example>", from, 1) }
	for _, test := range []struct {
		name, raw string
		want      Trust
	}{
		{"two From", head("From: eve@eve.example\r\nFrom: ann@shop.example"), Forged},
		{"two From, one with a blank", head("From : eve@eve.example\r\nFrom: ann@shop.example"), Forged},
		{"two From, the same", head("From: ann@shop.example\r\nfrom: ann@shop.example"), Forged},
		{"two addresses", head("From: ann@shop.example, eve@eve.example"), Doubtful},
		{"a group", head("From: all: ann@shop.example, eve@eve.example;"), Doubtful},
		{"no address", head("From: ann"), Doubtful},
		{"an encoded address", head("From: =?utf-8?q?ann=40shop.example?="), Doubtful},
		{"an encoded name", head("From: =?utf-8?q?ann=40shop.example?= <eve@eve.example>"), Doubtful},
		{"a name like an address", head("From: \"ann@shop.example\" <eve@eve.example>"), Doubtful},
		{"two in brackets", head("From: <ann@shop.example> <eve@eve.example>"), Doubtful},
		{"a zero", head("From: ann@shop.example\x00eve@eve.example"), Doubtful},
		{"none", head("X-From: ann@shop.example"), Doubtful},
		{"two subjects", head("From: ann@shop.example\r\nSubject: unsubscribe all"), Doubtful},
		{"two types", head("From: ann@shop.example\r\nContent-Type: text/plain\r\nContent-Type: text/html"), Doubtful},
		{"a line that is no field", head("From: ann@shop.example\r\nhello"), Doubtful},
		{"From below what is no field", head("hello\r\nFrom: ann@shop.example"), Doubtful},
	} {
		for _, raw := range []string{ours + test.raw, sign(t, test.raw, "shop.example", []string{"From", "Subject"})} {
			w := weigh(t, raw, Options{Trusted: []string{"mx"}, TXT: dns(record, nil)})
			if w.Trust == Authenticated || w.Trust != test.want && !strings.HasPrefix(raw, "DKIM") {
				t.Errorf("%s: %s, %s", test.name, w.Trust, w.Reason)
			}
		}
	}
	if w := weigh(t, ours+letter, Options{Trusted: []string{"mx"}}); w.Trust != Authenticated {
		t.Error("without a trick it is believed:", w)
	}
}

func TestRSA(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	txt := dns("p="+base64.StdEncoding.EncodeToString(public), nil)
	if w := weigh(t, signWith(t, key, letter, "shop.example", covered), Options{TXT: txt}); w.Trust != Authenticated {
		t.Error(w)
	}
	if w := weigh(t, sign(t, letter, "shop.example", covered), Options{TXT: txt}); w.Trust != Doubtful {
		t.Error("a key of another kind:", w)
	}
}

func FuzzBorder(f *testing.F) {
	f.Add(`mx (a \) b) 1; dmarc=pass (p=none) header.from=shop.example; spf = none x="y;z"`)
	f.Add(`mx; dkim=pass header.i=@shop.example`)
	f.Fuzz(func(t *testing.T, value string) {
		raw := theirs + ": mx; spf=none (" + value + ")\r\n" + letter
		m, err := mail.Read(strings.NewReader(raw), mail.Usual)
		if err != nil || len(m.Header(theirs)) != 1 || m.From.IsZero() {
			return
		}
		// In a comment nobody says anything, unless he gets out of it.
		if !strings.ContainsAny(value, `()\`) && Weigh(t.Context(), []byte(raw), m, Options{Trusted: []string{"mx"}}).Trust == Authenticated {
			t.Fatalf("believed %q", value)
		}
		results(value)
	})
}

// Whatever is done to a signed mail, it is not believed unless it is the same.
func FuzzWeigh(f *testing.F) {
	var signed strings.Builder
	if err := dkim.Sign(&signed, strings.NewReader(letter), &dkim.SignOptions{Domain: "shop.example", Selector: "s", Signer: private, HeaderKeys: covered,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(signed.String()))
	f.Add([]byte("From: eve@eve.example\r\n" + signed.String()))
	f.Add([]byte(theirs + ": mx; dmarc=pass header.from=shop.example\r\n" + letter))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := mail.Read(bytes.NewReader(raw), mail.Usual)
		if err != nil {
			return
		}
		w := Weigh(t.Context(), raw, m, Options{TXT: dns(record, nil)})
		if w.Reason == "" || strings.Contains(w.Reason, "example") {
			t.Fatal(w)
		}
		if w.Trust != Authenticated {
			return
		}
		same := strings.Join(strings.Fields(m.Text), "") == "Pleasestop." || len(m.Header("content-type"))+len(m.Header("content-transfer-encoding")) > 0
		if m.From.Text() != "ann@shop.example" || m.Subject != "stop" || !same {
			t.Fatalf("believed %q", raw)
		}
	})
}
