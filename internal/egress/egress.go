// Package egress is the only door out.
//
// It fetches pages, of our own site and of those that it links to, tells others
// by webhook, and asks the domain name system. An address that a page or a
// recipient named is an address that a stranger chose, so a Door goes nowhere
// inside: it looks at the address that a name resolved to, at the moment of the
// connection, and again after each redirect. What is refused are the
// special-purpose addresses of the IANA registries (RFC 6890): loopback, private,
// link-local (the metadata services of clouds among them), shared, reserved and
// multicast ones, and IPv6 addresses that hold one of them.
package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Options say how far a Door opens.
type Options struct {
	// Own is the origin of one's own site, such as http://127.0.0.1:8080. It may
	// be anywhere, inside too. A redirect away from it is not followed but
	// answered.
	Own string
	// Timeout is how long one page may take, redirects included; 20 seconds if 0.
	Timeout time.Duration
	// Most is how many bytes of a page are read, after decompression; 2 MiB if 0.
	Most int64
	// Agent is what we call ourselves; "avow" if empty.
	Agent string
	// Resolver finds addresses; the machine's if nil.
	Resolver *net.Resolver
}

// A Door fetches pages. Any number of goroutines may use it.
type Door struct {
	o      Options
	own    *url.URL // nil for none
	client *http.Client
	direct *http.Client // follows no redirect
}

// An Answer is a page that was fetched.
type Answer struct {
	URL    *url.URL // where it is, after redirects
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // there was more of it
}

// maxRedirects is how many redirects are followed.
const maxRedirects = 5

// ErrInside says that an address lies where strangers must not send us.
var ErrInside = errors.New("the address is not a public one")

// New returns a Door.
func New(o Options) (*Door, error) {
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Most == 0 {
		o.Most = 2 << 20
	}
	if o.Agent == "" {
		o.Agent = "avow"
	}
	d := &Door{o: o}
	if o.Own != "" {
		own, err := url.Parse(o.Own)
		if err != nil || own.Host == "" || !web(own) || own.User != nil {
			return nil, fmt.Errorf("%q is no origin like https://harbour.example", o.Own)
		}
		d.own = own
	}
	d.client = &http.Client{Timeout: o.Timeout, CheckRedirect: d.redirect, Transport: &http.Transport{
		Proxy:                  nil, // a proxy would resolve names itself, and go where it likes
		DialContext:            d.dial,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxConnsPerHost:        8,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}}
	direct := *d.client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.direct = &direct
	return d, nil
}

// Close lets idle connections go.
func (d *Door) Close() { d.client.CloseIdleConnections() }

// Get fetches a page. An error names the host and nothing else of the address.
func (d *Door) Get(ctx context.Context, address string) (*Answer, error) {
	return d.ask(ctx, d.client, http.MethodGet, address, nil, nil)
}

// Head asks for a page without the page. Not every server answers it as it
// answers Get.
func (d *Door) Head(ctx context.Context, address string) (*Answer, error) {
	return d.ask(ctx, d.client, http.MethodHead, address, nil, nil)
}

// Post sends body to an address, and to no other: a redirect is not followed but
// answered, because what is sent is for whom it was addressed to.
func (d *Door) Post(ctx context.Context, address string, header http.Header, body []byte) (*Answer, error) {
	return d.ask(ctx, d.direct, http.MethodPost, address, header, body)
}

// TXT asks for the text that stands under a name, such as a DKIM key. A name
// without one is answered with none and no error.
func (d *Door) TXT(ctx context.Context, name string) ([]string, error) {
	resolver := d.o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	// The dot at the end keeps the machine's search list from leading elsewhere.
	all, err := resolver.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
	var none *net.DNSError
	if errors.As(err, &none) && none.IsNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("look up a text: the name system does not answer")
	}
	return all, nil
}

func (d *Door) ask(ctx context.Context, client *http.Client, method, address string, header http.Header, body []byte) (*Answer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("fetch a page: its address cannot be read")
	}
	if err := d.may(u); err != nil {
		return nil, fmt.Errorf("fetch from %s: %w", u.Host, err)
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("fetch from %s: the address cannot be asked for", u.Host)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", d.o.Agent)
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html, application/xhtml+xml, application/json;q=0.5, */*;q=0.1")
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch from %s: %w", u.Host, cause(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, d.o.Most+1))
	if err != nil {
		return nil, fmt.Errorf("fetch from %s: %w", u.Host, cause(err))
	}
	a := &Answer{URL: resp.Request.URL, Status: resp.StatusCode, Header: resp.Header, Body: answer}
	if int64(len(answer)) > d.o.Most {
		a.Body, a.Cut = answer[:d.o.Most], true
	}
	return a, nil
}

// cause takes off an error what holds the whole address.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func web(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

// may says why an address is not asked for, before its name is resolved.
func (d *Door) may(u *url.URL) error {
	switch {
	case !web(u) || u.Host == "" || u.Opaque != "":
		return errors.New("only http and https are fetched")
	case u.User != nil:
		return errors.New("the address holds a name or a password")
	case d.isOwn(u):
		return nil
	case u.Port() != "" && u.Port() != "80" && u.Port() != "443":
		return fmt.Errorf("port %s is not one of web pages", u.Port())
	case numeric(u.Hostname()):
		return ErrInside
	}
	return nil
}

// isOwn says whether u is on our own site.
func (d *Door) isOwn(u *url.URL) bool {
	return d.own != nil && u.Scheme == d.own.Scheme && withPort(u) == withPort(d.own)
}

// withPort is the host and port that a URL is asked for at.
func withPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// numeric says whether a host ends in a number and yet is no IP address as
// people write one (WHATWG URL, section 3.5): 2130706433, 0x7f.1 and 0177.0.0.1
// are 127.0.0.1 to some, and names to others.
func numeric(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false // looked at when it is dialled
	}
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if rest, ok := strings.CutPrefix(strings.ToLower(last), "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// redirect looks at where a page sends us. From our own site we do not go away,
// and from others not to ours: its name is known to be inside.
func (d *Door) redirect(next *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case d.isOwn(from) && !d.isOwn(next.URL):
		return http.ErrUseLastResponse
	case !d.isOwn(from) && d.isOwn(next.URL):
		return ErrInside
	case from.Scheme == "https" && next.URL.Scheme == "http":
		return errors.New("a redirect from https to http")
	}
	next.Header.Del("Referer")
	return d.may(next.URL)
}

// dial connects to a host, and to our own one wherever it is.
func (d *Door) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Resolver: d.o.Resolver}
	if d.own == nil || !strings.EqualFold(address, withPort(d.own)) {
		dialer.ControlContext = outside
	}
	return dialer.DialContext(ctx, network, address)
}

// outside is asked before each connection, with the address that it goes to.
// What a name resolves to a moment later does not matter any more.
func outside(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return ErrInside
	}
	return nil
}
