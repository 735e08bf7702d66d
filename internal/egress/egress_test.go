package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"pgregory.net/rapid"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.215.14": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.0.1": true, "100.128.0.1": true, "198.17.0.1": true, "223.255.255.254": true,
		"2606:4700::1111": true, "2a00:1450:4001:80b::200e": true, "2400:cb00::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "127.0.0.1": false, "127.255.255.254": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false, "192.0.0.192": false, "192.0.2.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:a9fe:a9fe": false, "::127.0.0.1": false,
		"fe80::1": false, "fe80::1%eth0": false, "2606:4700::1111%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "100::1": false, "2001::1": false, "2001:db8::1": false, "2002:7f00:1::": false, "3fff::1": false, "5f00::1": false,
		"::ffff:8.8.8.8": true,
	} {
		if got := Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v", address, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestPublicAgrees: what net/netip calls by name is never public, mapped or not.
func TestPublicAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ok := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "four"))
		if rapid.Bool().Draw(t, "six") {
			a, ok = netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "sixteen"))
		}
		inside := a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsGlobalUnicast()
		if !ok || inside && Public(a) {
			t.Fatalf("%s is public", a)
		}
		if a.Is4() && Public(a) != Public(netip.AddrFrom16(a.As16())) {
			t.Fatalf("%s is another when it is mapped", a)
		}
	})
}

// names is a resolver that answers each name with addresses.
func names(t *testing.T, all map[string][]string) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := answer(buf[:n], all); err == nil {
				_, _ = server.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func answer(query []byte, all map[string][]string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	q := m.Questions[0]
	addresses, ok := all[strings.TrimSuffix(q.Name.String(), ".")]
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, text := range addresses {
		a := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

// TestInside asks for what lies inside, in as many ways as there are to write
// it. A server listens there that nobody must reach.
func TestInside(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	d, err := New(Options{Timeout: 3 * time.Second, Resolver: names(t, map[string][]string{
		"inside.example": {"127.0.0.1"}, "private.example": {"10.1.2.3"}, "cloud.example": {"169.254.169.254"}, "six.example": {"::1"},
		"mapped.example": {"::ffff:127.0.0.1"}, "several.example": {"10.0.0.1", "127.0.0.1", "::1"}, "zero.example": {"0.0.0.0"}, "any.example": {"::"},
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return d.dial(ctx, network, net.JoinHostPort(host, port[1:])) // where something listens
	}
	for _, host := range []string{
		"127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0X7F.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "0x0", "127.0.0.1.",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1",
		"inside.example", "private.example", "cloud.example", "six.example", "mapped.example", "several.example", "zero.example", "any.example",
	} {
		for _, scheme := range []string{"http", "https"} {
			if _, err := d.Get(t.Context(), scheme+"://"+host+"/?secret"); !errors.Is(err, ErrInside) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s://%s is answered %v", scheme, host, err)
			}
		}
	}
	if reached.Load() != 0 {
		t.Errorf("it was reached %d times", reached.Load())
	}
	for _, address := range []string{
		"ftp://files.example/", "file:///etc/passwd", "gopher://a.example/", "http:", "http:///x", "//a.example", "http:opaque", "http://u:p@a.example/", "http://a.example:22/",
		"http://a.example:8080/", "http://a.example:0/", "http://\x00/", "javascript:alert(1)", "unix:///var/run/x", "http://localhost/", "http://nothing.example/",
	} {
		if a, err := d.Get(t.Context(), address); err == nil {
			t.Errorf("%s is answered %d", address, a.Status)
		}
	}
}

// TestRedirects: where a page sends us is looked at like what we were asked for.
func TestRedirects(t *testing.T) {
	var own *httptest.Server
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "inside") }))
	defer other.Close()
	own = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if n := 0; to == "" && r.URL.Path != "/" {
			fmt.Sscanf(r.URL.Path, "/%d", &n)
			if to = fmt.Sprintf("/%d", n-1); n == 1 {
				to = "/"
			}
		}
		if to == "" {
			fmt.Fprintf(w, "home %q", r.Header.Get("Referer"))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer own.Close()
	d, err := New(Options{Own: own.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range []struct {
		path   string
		status int
		body   string // begins with; an error if it is empty
	}{
		{"/5", 200, `home ""`},
		{"/6", 0, ""},
		{"/?to=/", 200, "home"},
		{"/?to=" + url.QueryEscape(other.URL), 302, "<a href"},
		{"/?to=http://127.0.0.1:1/", 302, "<a href"},
		{"/?to=file:///etc/passwd", 302, "<a href"},
		{"/?to=http://169.254.169.254/latest", 302, "<a href"},
	} {
		a, err := d.Get(t.Context(), own.URL+c.path)
		if (err == nil) != (c.body != "") || err == nil && (a.Status != c.status || !strings.HasPrefix(string(a.Body), c.body)) {
			t.Errorf("%s is answered %+v (%v)", c.path, a, err)
		}
	}
	if _, err := d.Get(t.Context(), other.URL); err == nil {
		t.Error("another server on the same machine is our own")
	}
	// What others say goes through the same check as what we are asked for.
	check := func(from, to string) error {
		f, _ := http.NewRequest("GET", from, nil)
		n, _ := http.NewRequest("GET", to, nil)
		return d.redirect(n, []*http.Request{f})
	}
	if err := check("https://a.example/", own.URL); !errors.Is(err, ErrInside) {
		t.Errorf("from another site to ours: %v", err)
	}
	for _, to := range []string{"http://a.example/", "https://0x7f.1/", "https://a.example:22/", "file:///etc/passwd", "https://u:p@a.example/"} {
		if err := check("https://a.example/", to); err == nil || errors.Is(err, http.ErrUseLastResponse) {
			t.Errorf("from another site to %s: %v", to, err)
		}
	}
	if err := check("http://a.example/", "https://www.a.example/"); err != nil {
		t.Errorf("from another site to one: %v", err)
	}
}

// TestBounds: a page without end ends, and one that does not come is given up.
func TestBounds(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			for range 100 {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 1000 {
				if _, err := z.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case "/header":
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		case "/never":
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		case "/drip":
			for {
				if _, err := w.Write([]byte("x")); err != nil || r.Context().Err() != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}
	}))
	defer server.Close()
	defer close(stop)
	d, err := New(Options{Own: server.URL, Timeout: time.Second, Most: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for path, cut := range map[string]bool{"/long": true, "/bomb": true, "/": false} {
		if a, err := d.Get(t.Context(), server.URL+path); err != nil || a.Cut != cut || len(a.Body) > 1<<20 {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"/never", "/drip", "/header"} {
		if _, err := d.Get(t.Context(), server.URL+path+"?secret"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOwn(t *testing.T) {
	for own, ok := range map[string]bool{"https://harbour.example": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "": true,
		"harbour.example": false, "ftp://harbour.example": false, "https://": false, "https://u:p@harbour.example": false} {
		if _, err := New(Options{Own: own}); (err == nil) != ok {
			t.Errorf("%q: %v", own, err)
		}
	}
}
