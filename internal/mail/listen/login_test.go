package listen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bufio"
)

func plain(user, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
}

func TestLogin(t *testing.T) {
	_, h, at := open(t, Config{Kind: Submission})
	w := hello(t, at)
	w.talk("MAIL FROM:<news@harbour.example>", "530 5.7.0", plain("shop", "wrong"), "535 5.7.8", "AUTH LOGIN", "504", "AUTH PLAIN !!!", "454",
		"AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("boss\x00shop\x00right")), "535", "AUTH PLAIN", "334", "*", "501",
		plain("shop", "right"), "235", "MAIL FROM:<news@harbour.example>", "250", "RCPT TO:<nobody@example.com>", "550", "RCPT TO:<eve@example.com>", "250",
		"DATA", "354", text+".", "250", "MAIL FROM:<news@harbour.example>", "250", "RCPT TO:<eve@example.com>", "250", "DATA", "354", text+".", "250")
	got := h.letters()
	if len(got) != 2 || got[1].User != "shop" || got[1].Login != "token of shop" || len(got[0].To) != 1 {
		t.Errorf("handed on: %+v", got)
	}
	w = hello(t, at)
	for range 3 {
		w.talk(plain("shop", "wrong"), "535")
	}
	w.talk(plain("shop", "wrong"), "421", "", "gone")
}

// TestLoginOnlyInPrivate: over the open network nobody is made to send a password.
func TestLoginOnlyInPrivate(t *testing.T) {
	s, _, _ := open(t, Config{Kind: Submission})
	in := &session{s: s, c: &conn{Conn: dial(t, listening(t)).Conn, s: s, peer: netip.MustParseAddr("192.0.2.1")}}
	if got := in.AuthMechanisms(); len(got) > 0 {
		t.Errorf("it offers %v", got)
	}
	if _, err := in.Auth("PLAIN"); err == nil || !strings.Contains(err.Error(), "538") {
		t.Errorf("it answers %v", err)
	}
	in.peer.TLS = true
	if got := in.AuthMechanisms(); len(got) != 1 {
		t.Errorf("under TLS it offers %v", got)
	}
	_, _, at := open(t, Config{})
	hello(t, at).talk(plain("shop", "right"), "502")
}

func listening(t *testing.T) string {
	_, _, at := open(t, Config{})
	return at
}

// certificate writes a certificate of that serial number.
func certificate(t *testing.T, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "mx"}, DNSNames: []string{"mx.harbour.example"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// secured begins TLS after STARTTLS was answered.
func (w *wire) secured() (*wire, *tls.Conn) {
	c := tls.Client(w.Conn, &tls.Config{InsecureSkipVerify: true})
	return &wire{c, bufio.NewReader(c), w.t}, c
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir, 1)
	_, h, at := open(t, Config{CertFile: cert, KeyFile: key})
	w := hello(t, at)
	w.talk("STARTTLS", "220")
	w, c := w.secured()
	w.talk("MAIL FROM:<>", "502", "EHLO mail.example", "250-", "STARTTLS", "502", "MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354", text+".", "250")
	if got := h.letters(); len(got) != 1 || !got[0].TLS {
		t.Errorf("handed on: %+v", got)
	}
	if n := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); n != 1 {
		t.Errorf("certificate %d", n)
	}

	// A bare line end is as bad under TLS.
	w.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354", "x\ny\r\n.", "550 5.5.2")

	certificate(t, dir, 2)
	later := time.Now().Add(time.Minute)
	_ = os.Chtimes(cert, later, later)
	w = hello(t, at)
	w.talk("STARTTLS", "220")
	w, c = w.secured()
	w.talk("EHLO x", "250")
	if n := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); n != 2 {
		t.Errorf("certificate %d after it was changed", n)
	}
	_ = os.Remove(key) // half written: the one before goes on
	w = hello(t, at)
	w.talk("STARTTLS", "220")
	w, _ = w.secured()
	w.talk("EHLO x", "250")
	if _, err := New(Config{CertFile: cert, KeyFile: key}); err == nil {
		t.Error("it starts without a key")
	}
}

// TestInjected: commands sent in clear along with STARTTLS are not done under TLS
// (CVE-2011-0411), nor is a name that was said before remembered.
func TestInjected(t *testing.T) {
	cert, key := certificate(t, t.TempDir(), 1)
	_, h, at := open(t, Config{CertFile: cert, KeyFile: key})
	w := hello(t, at)
	w.send("STARTTLS\r\nEHLO mallory\r\nMAIL FROM:<mallory@example.com>\r\nRCPT TO:<a@x.example>\r\n")
	w.talk("", "220")
	w, _ = w.secured()
	w.talk("RCPT TO:<b@x.example>", "502", "EHLO x", "250", "RCPT TO:<b@x.example>", "502", "DATA", "502")
	if len(h.letters()) > 0 {
		t.Error("it was handed on")
	}
}
