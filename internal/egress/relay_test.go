package egress

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A host takes letters, and answers as it is told to.
type host struct {
	mu      sync.Mutex
	lines   int
	letters []string
	to      []string
	answers map[string]error // by what is asked: mail, data, or a recipient
	auth    string           // the mechanism that it offers
}

func (h *host) NewSession(*smtp.Conn) (smtp.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines++
	if h.auth != "" {
		return &guarded{dialog: &dialog{h: h}}, nil
	}
	return &dialog{h: h}, nil
}

type dialog struct {
	h  *host
	to string
}

func (d *dialog) Reset()        { d.to = "" }
func (d *dialog) Logout() error { return nil }
func (d *dialog) Mail(string, *smtp.MailOptions) error {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	return d.h.answers["mail"]
}

func (d *dialog) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	d.to = to
	return d.h.answers[to]
}

func (d *dialog) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	if err := d.h.answers["data"]; err != nil {
		return err
	}
	d.h.letters, d.h.to = append(d.h.letters, string(text)), append(d.h.to, d.to)
	return nil
}

type guarded struct {
	*dialog
	in bool
}

func (g *guarded) AuthMechanisms() []string { return []string{g.h.auth} }
func (g *guarded) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "shop" || password != "open-sesame" {
			return errors.New("no")
		}
		g.in = true
		return nil
	}), nil
}

func (g *guarded) Mail(from string, o *smtp.MailOptions) error {
	if !g.in {
		return smtp.ErrAuthRequired
	}
	return g.dialog.Mail(from, o)
}

// serve runs a smart host on loopback.
func serve(t *testing.T, h *host, set func(*smtp.Server)) string {
	t.Helper()
	s := smtp.NewServer(h)
	s.AllowInsecureAuth = true
	if set != nil {
		set(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func newRelay(t *testing.T, o RelayOptions) *Relay {
	t.Helper()
	o.Timeout = 2 * time.Second
	r, err := NewRelay(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

const text = "Subject: Hi\r\n\r\n.\r\nHello\r\n"

func TestRelay(t *testing.T) {
	h := &host{}
	r := newRelay(t, RelayOptions{Address: serve(t, h, nil)})
	for i := range 50 {
		if err := r.Send(t.Context(), "bounce+x@harbour.example", fmt.Sprintf("p%d@example.com", i), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.letters) != 50 || h.letters[49] != text || h.to[49] != "p49@example.com" || h.lines != 1 {
		t.Errorf("%d letters over %d connections, the last %q", len(h.letters), h.lines, h.letters[len(h.letters)-1])
	}
	if err := r.Send(t.Context(), "", "null@example.com", []byte(text)); err != nil {
		t.Errorf("without a return path: %v", err)
	}
}

// TestAnswers: of an answer is told what it means, and never what it says.
func TestAnswers(t *testing.T) {
	h := &host{answers: map[string]error{}}
	r := newRelay(t, RelayOptions{Address: serve(t, h, nil)})
	said := func(code int, enhanced ...int) error {
		e := &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "ada@example.com is not here"}
		if len(enhanced) == 3 {
			e.EnhancedCode = smtp.EnhancedCode(enhanced)
		}
		return e
	}
	for _, c := range []struct {
		at                string
		answer            error
		permanent, nobody bool
		letter            bool // about the letter, not the relay
	}{
		{"ada@example.com", said(550, 5, 1, 1), true, true, true},
		{"ada@example.com", said(550), true, true, true},
		{"ada@example.com", said(550, 5, 2, 1), true, true, true},
		{"ada@example.com", said(550, 5, 7, 1), true, false, true},
		{"ada@example.com", said(554, 5, 7, 1), true, false, true},
		{"ada@example.com", said(552, 5, 2, 2), true, false, true},
		{"ada@example.com", said(450, 4, 2, 0), false, false, true},
		{"ada@example.com", said(421, 4, 3, 2), false, false, false},
		{"data", said(554, 5, 6, 0), true, false, true},
		{"data", said(451, 4, 3, 0), false, false, true},
		{"mail", said(550, 5, 7, 1), false, false, false},
		{"mail", said(552, 5, 3, 4), true, false, true},
		{"mail", said(451, 4, 3, 0), false, false, false},
	} {
		h.mu.Lock()
		h.answers = map[string]error{c.at: c.answer}
		h.mu.Unlock()
		err := r.Send(t.Context(), "a@harbour.example", "ada@example.com", []byte(text))
		var d *DeliveryError
		is := errors.As(err, &d)
		if err == nil || is != c.letter || is && (d.Permanent != c.permanent || d.Nobody != c.nobody) {
			t.Errorf("%s %v: %v %+v", c.at, c.answer.(*smtp.SMTPError).EnhancedCode, err, d)
		}
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, d), "ada") {
			t.Errorf("an error holds the address: %v", err)
		}
	}
	h.mu.Lock()
	h.answers = nil
	h.mu.Unlock()
	if err := r.Send(t.Context(), "a@harbour.example", "ada@example.com", []byte(text)); err != nil {
		t.Errorf("after all that: %v", err)
	}
	if err := r.Send(t.Context(), "a@harbour.example", "zoë@example.com", []byte(text)); !errors.As(err, new(*DeliveryError)) {
		t.Errorf("an address that the relay cannot take: %v", err)
	}
	if err := r.Send(t.Context(), "a@harbour.example", "x@example.com>\r\nRCPT TO:<eve@example.com", []byte(text)); err == nil {
		t.Error("an address with a line break went through")
	}
}

// TestReconnects: a connection that ended while nobody used it costs no letter.
func TestReconnects(t *testing.T) {
	h := &host{}
	r := newRelay(t, RelayOptions{Address: serve(t, h, func(s *smtp.Server) { s.ReadTimeout = 50 * time.Millisecond })})
	for range 3 {
		if err := r.Send(t.Context(), "a@harbour.example", "ada@example.com", []byte(text)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(120 * time.Millisecond)
	}
	if h.lines != 3 || len(h.letters) != 3 {
		t.Errorf("%d letters over %d connections", len(h.letters), h.lines)
	}
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	c, _ = x509.ParseCertificate(der)
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLSAndAuth(t *testing.T) {
	cert, pool := certificate(t)
	h := &host{auth: sasl.Plain}
	withTLS := serve(t, h, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	without := serve(t, h, nil)
	trust := &tls.Config{RootCAs: pool}
	for name, c := range map[string]struct {
		o     RelayOptions
		fault string
	}{
		"starttls":           {RelayOptions{Address: withTLS, TLS: "starttls", Trust: trust, User: "shop", Password: "open-sesame"}, ""},
		"loopback":           {RelayOptions{Address: without, User: "shop", Password: "open-sesame"}, ""},
		"none offered":       {RelayOptions{Address: without, TLS: "starttls", User: "shop", Password: "open-sesame"}, "without TLS"},
		"another authority":  {RelayOptions{Address: withTLS, TLS: "starttls", User: "shop", Password: "open-sesame"}, "certificate"},
		"a wrong password":   {RelayOptions{Address: withTLS, TLS: "starttls", Trust: trust, User: "shop", Password: "hush-hush"}, "did not let us in"},
		"no password":        {RelayOptions{Address: withTLS, TLS: "starttls", Trust: trust}, "502"},
		"nobody is there":    {RelayOptions{Address: "127.0.0.1:1"}, "refused"},
		"implicit, in clear": {RelayOptions{Address: without, TLS: "implicit", Trust: trust}, ""},
	} {
		r := newRelay(t, c.o)
		err := r.Send(t.Context(), "a@harbour.example", "ada@example.com", []byte(text))
		if name == "implicit, in clear" {
			if err == nil {
				t.Error("letters went in clear where TLS was asked for")
			}
			continue
		}
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v, want %q", name, err, c.fault)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "sesame")) {
			t.Errorf("%s: the password is in %v", name, err)
		}
	}
	for _, o := range []RelayOptions{{Address: "smtp.example:25", TLS: "none", User: "x"}, {Address: "smtp.example"}, {Address: "smtp.example:25", TLS: "ssl"}} {
		if _, err := NewRelay(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	if r, err := NewRelay(RelayOptions{Address: "smtp.example:25"}); err != nil || r.o.TLS != "starttls" {
		t.Errorf("elsewhere it is %v", err)
	}
}

// TestPatience: a smart host that says nothing holds nobody for ever.
func TestPatience(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newRelay(t, RelayOptions{Address: l.Addr().String()})
	r.o.Timeout = 100 * time.Millisecond
	begin := time.Now()
	if err := r.Send(t.Context(), "a@harbour.example", "ada@example.com", []byte(text)); err == nil || time.Since(begin) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	r.o.Timeout = time.Minute
	begin = time.Now()
	if err := r.Send(ctx, "a@harbour.example", "ada@example.com", []byte(text)); err == nil || time.Since(begin) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// TestOutbox: it remembers the newest letters.
func TestOutbox(t *testing.T) {
	var o Outbox
	for i := range 150 {
		_ = o.Send(t.Context(), "", fmt.Sprint(i), []byte("x"))
	}
	if all := o.Letters(); len(all) != 100 || all[0].To != "149" || all[99].To != "50" {
		t.Errorf("it has %d letters, from %s to %s", len(all), all[0].To, all[len(all)-1].To)
	}
}
