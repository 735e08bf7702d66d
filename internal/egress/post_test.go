package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestPost: what is sent arrives where it was sent, whole, and nowhere else.
func TestPost(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, r.Method+" "+r.Header.Get("Webhook-Id")+" "+r.Header.Get("User-Agent")+" "+string(body))
	}))
	defer server.Close()
	d, err := New(Options{Own: server.URL, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	header := http.Header{"Webhook-Id": {"msg_1"}, "User-Agent": {"forged"}}
	a, err := d.Post(t.Context(), server.URL+"/hook", header, []byte("erased"))
	if err != nil || a.Status != http.StatusAccepted || string(a.Body) != "POST msg_1 avow erased" {
		t.Errorf("it is answered %+v (%v)", a, err)
	}
	for _, to := range []string{other.URL, server.URL + "/again", "http://169.254.169.254/"} {
		a, err := d.Post(t.Context(), server.URL+"/hook?to="+to, header, []byte("erased"))
		if err != nil || a.Status != http.StatusTemporaryRedirect {
			t.Errorf("a redirect to %s is followed: %+v (%v)", to, a, err)
		}
	}
	for _, inside := range []string{other.URL + "/?secret", "https://127.0.0.1/?secret", "https://[::1]/?secret", "https://169.254.169.254/?secret", "ftp://a.example/?secret"} {
		if _, err := d.Post(t.Context(), inside, nil, nil); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", inside, err)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("somebody else was told")
	}
	if a, err := d.Head(t.Context(), server.URL+"/hook"); err != nil || a.Status != http.StatusAccepted || len(a.Body) != 0 {
		t.Errorf("the head is %+v (%v)", a, err)
	}
}

func TestTXT(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			switch q := m.Questions[0]; q.Name.String() {
			case "a._domainkey.harbour.example.":
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type},
					Body: &dnsmessage.TXTResource{TXT: []string{"v=DKIM1; p=", "AAAA"}}}}
			case "broken.example.":
				m.RCode = dnsmessage.RCodeServerFailure
			default:
				m.RCode = dnsmessage.RCodeNameError
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(reply, from)
			}
		}
	}()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	d, err := New(Options{Resolver: resolver, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if all, err := d.TXT(t.Context(), "a._domainkey.harbour.example"); err != nil || len(all) != 1 || all[0] != "v=DKIM1; p=AAAA" {
		t.Errorf("the text is %q (%v)", all, err)
	}
	if all, err := d.TXT(t.Context(), "none.example"); err != nil || len(all) != 0 {
		t.Errorf("a name without a text has %q (%v)", all, err)
	}
	var dns *net.DNSError
	if _, err := d.TXT(t.Context(), "broken.example"); err == nil || errors.As(err, &dns) || strings.Contains(err.Error(), "broken") {
		t.Errorf("a name system that is broken: %v", err)
	}
}
