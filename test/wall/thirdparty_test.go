package wall

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A thirdParty is every other site there is: whatever host a page asks for, it
// is asked. It counts what reached it, by visit, host and channel. That nothing
// leaks is so when nothing arrived here; the browser is not asked.
//
// An address is https://HOST/VISIT/CHANNEL.EXT. Hosts that no statement declares
// name visit and channel too, so that a connection which carries no request is
// counted all the same: its TLS greeting names the host.
type thirdParty struct {
	listener net.Listener
	server   *http.Server
	packets  net.PacketConn
	port     int
	cache    string // Cache-Control of what it answers

	mu     sync.Mutex
	visits map[string]*tally
}

// A tally is what arrived of one visit.
type tally struct {
	requests    map[arrival]int
	connections map[arrival]int // without regard to whether a request followed
	last        time.Time
}

// An arrival is a channel, and the kind of host that it reached.
type arrival struct{ channel, kind string }

func newThirdParty(t testing.TB) *thirdParty {
	t.Helper()
	p := &thirdParty{cache: "max-age=600", visits: map[string]*tally{}}
	var err error
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.port = p.listener.Addr().(*net.TCPAddr).Port
	if p.packets, err = net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(p.port)); err != nil {
		t.Fatal(err)
	}
	cert := selfSigned(t)
	conf := &tls.Config{
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			p.connected(hello.ServerName)
			return cert, nil
		},
	}
	p.server = &http.Server{Handler: http.HandlerFunc(p.answer), ErrorLog: silent}
	var done sync.WaitGroup
	done.Go(func() { p.server.Serve(&sniffer{Listener: p.listener, conf: conf}) })
	done.Go(p.receive)
	t.Cleanup(func() {
		p.server.Close()
		p.packets.Close()
		done.Wait()
	})
	return p
}

func selfSigned(t testing.TB) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sheet := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "elsewhere"}, DNSNames: []string{"*.example", "*.never.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A sniffer takes TLS and plain connections at one port. Which it is, the first
// byte tells; it is read by the connection's own goroutine.
type sniffer struct {
	net.Listener
	conf *tls.Config
}

func (s *sniffer) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sniffed{Conn: c, conf: s.conf}, nil
}

type sniffed struct {
	net.Conn
	conf *tls.Config
	once sync.Once
	in   net.Conn
}

func (s *sniffed) look() {
	s.once.Do(func() {
		r := bufio.NewReader(s.Conn)
		first, _ := r.Peek(1)
		s.in = &read{s.Conn, r}
		if len(first) == 1 && first[0] == 22 { // a TLS handshake
			s.in = tls.Server(s.in, s.conf)
		}
	})
}

func (s *sniffed) Read(p []byte) (int, error)  { s.look(); return s.in.Read(p) }
func (s *sniffed) Write(p []byte) (int, error) { s.look(); return s.in.Write(p) }

type read struct {
	net.Conn
	r *bufio.Reader
}

func (r *read) Read(p []byte) (int, error) { return r.r.Read(p) }

// tallyOf returns what arrived of a visit. p.mu is held.
func (p *thirdParty) tallyOf(visit string) *tally {
	v := p.visits[visit]
	if v == nil {
		v = &tally{requests: map[arrival]int{}, connections: map[arrival]int{}}
		p.visits[visit] = v
	}
	v.last = time.Now()

	return v
}

// connected counts a TLS greeting, if its host tells whose it is.
func (p *thirdParty) connected(host string) {
	labels := strings.Split(host, ".")
	if len(labels) < 4 {
		return
	}
	// CHANNEL.VISIT.KIND.example
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tallyOf(labels[1]).connections[arrival{labels[0], labels[2]}]++
}

func (p *thirdParty) answer(w http.ResponseWriter, r *http.Request) {
	visit, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	channel := strings.TrimSuffix(file, path.Ext(file))
	kind := kindOf(r.Host)
	p.mu.Lock()
	p.tallyOf(visit).requests[arrival{channel, kind}]++
	p.mu.Unlock()

	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Timing-Allow-Origin", "*")
	h.Set("Cache-Control", p.cache)
	if to := r.URL.Query().Get("to"); to != "" {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Headers", "*")
		return
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		webSocket(w, r)
		return
	}
	body, mime := partOf(file, visit, kind)
	h.Set("Content-Type", mime)
	w.Write(body)
}

// webSocket shakes hands and says goodbye.
func webSocket(w http.ResponseWriter, r *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n\x88\x00"))
}

// receive counts packets. A page names its visit in the name of the user that
// it shows to the TURN server, and the server asks for that name first.
func (p *thirdParty) receive() {
	buf := make([]byte, 2048)
	for {
		n, from, err := p.packets.ReadFrom(buf)
		if err != nil {
			return
		}
		p.stun(buf[:n], from)
	}
}

// stun answers an allocation without a name by the question who asks (RFC 8489,
// section 9.2), and counts under the name that then comes; a packet of a page
// that never says its name is counted for nobody.
func (p *thirdParty) stun(packet []byte, from net.Addr) {
	const allocate, unauthorized, username, realm, nonce, errorCode = 0x0003, 0x0113, 0x0006, 0x0014, 0x0015, 0x0009
	if len(packet) < 20 {
		return
	}
	visit := ""
	for attrs := packet[20:]; len(attrs) >= 4; {
		kind, size := binary.BigEndian.Uint16(attrs), int(binary.BigEndian.Uint16(attrs[2:]))
		if len(attrs) < 4+size {
			break
		}
		if kind == username {
			visit = string(attrs[4 : 4+size])
		}
		attrs = attrs[min(len(attrs), 4+(size+3)/4*4):]
	}
	p.mu.Lock()
	p.tallyOf(visit).requests[arrival{"webrtc", "never"}]++
	p.mu.Unlock()
	if visit != "" || binary.BigEndian.Uint16(packet) != allocate {
		return
	}
	var body bytes.Buffer
	for _, a := range []struct {
		kind  uint16
		value string
	}{{errorCode, "\x00\x00\x04\x01"}, {realm, "site"}, {nonce, "once"}} {
		binary.Write(&body, binary.BigEndian, []uint16{a.kind, uint16(len(a.value))})
		body.WriteString(a.value)
	}
	reply := binary.BigEndian.AppendUint16(nil, unauthorized)
	reply = binary.BigEndian.AppendUint16(reply, uint16(body.Len()))
	reply = append(reply, packet[4:20]...)
	p.packets.WriteTo(append(reply, body.Bytes()...), from)
}

// arrived returns how often each channel reached each kind of host under a
// name, which is a visit's or a mode's: by requests, or by connections where
// there were more.
func (p *thirdParty) arrived(name string) map[arrival]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[arrival]int{}
	v := p.visits[name]
	if v == nil {
		return all
	}
	for a, n := range v.requests {
		all[a] = n
	}
	for a, n := range v.connections {
		all[a] = max(all[a], n)
	}
	return all
}

// forget begins the count of a visit anew.
func (p *thirdParty) forget(visit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.visits, visit)
}

// quietSince returns when something last arrived of a visit.
func (p *thirdParty) quietSince(visit string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.visits[visit]; v != nil {
		return v.last
	}
	return time.Time{}
}
