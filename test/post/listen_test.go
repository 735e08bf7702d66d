package post

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/mail/listen"
)

func route(domain, by, address string) string {
	host, port, _ := net.SplitHostPort(address)
	return domain + " = " + by + ":[" + host + "]:" + port
}

func lmtp(address string) string { return "lmtp:inet:" + address }

// TestPostfixHandsOn: what somebody sends arrives through Postfix as it was sent,
// over SMTP, under TLS and over LMTP.
func TestPostfixHandsOn(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	open, local := startSink(t, listen.Incoming), startSink(t, listen.Local)
	secured := &sink{}
	secured.Address = serve(t, listen.Config{Handler: secured, CertFile: cert, KeyFile: key})
	p := startPostfix(t, free(t), "may", route("smtp.example", "smtp", open.Address), route("tls.example", "smtp", secured.Address), "lmtp.example = "+lmtp(local.Address))
	said, status := swaks(t, "--server", p.Address, "--from", "eve@town.example", "--to", "privacy@smtp.example,privacy@tls.example,a@lmtp.example,b@lmtp.example",
		"--header", "Subject: hello", "--body", ".\n..\nlast line")
	if status != 0 {
		t.Fatal(said)
	}
	for name, s := range map[string]*sink{"smtp": open, "tls": secured, "lmtp": local} {
		waitFor(t, 10*time.Second, "mail over "+name, func() bool { return len(s.letters()) == 1 })
		got := s.letters()[0]
		if got.From != "eve@town.example" || !strings.Contains(got.text, "\r\n\r\n.\r\n..\r\nlast line\r\n") || got.TLS != (name == "tls") || len(got.To) != map[string]int{"smtp": 1, "tls": 1, "lmtp": 2}[name] {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// certificate writes a certificate that nobody vouches for.
func certificate(t testing.TB) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx"}, DNSNames: []string{"mx.harbour.example"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
