package wall

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestListener: what net/http answers without asking anybody has a wall, and what
// a handler answers stays as it is.
func TestListener(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		_, _ = io.WriteString(w, "from the site")
	}))
	s.Config.MaxHeaderBytes = 1 << 10
	s.Listener = Listener(s.Listener)
	s.Start()
	defer s.Close()
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                             200,
		"GET / HTTP/1.0\r\n\r\n":                                                             200,
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n":                                               400,
		"GET / HTTP/1.1\r\nHost: x y\r\n\r\n":                                                400,
		"GET / HTTP/1.1\r\n\r\n":                                                             400,
		"GET / HTTP/3.0\r\nHost: x\r\n\r\n":                                                  505,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n":                       501,
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a=b; ", 2000) + "\r\n\r\n": 431,
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, request)
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%.40q: %v", request, err)
		}
		policy := a.Header.Get("Content-Security-Policy")
		if a.StatusCode != want || strings.HasPrefix(policy, "default-src 'none'; sandbox") != (want != 200) {
			t.Errorf("%.40q is answered %d with the policy %q", request, a.StatusCode, policy)
		}
		c.Close()
	}
}
