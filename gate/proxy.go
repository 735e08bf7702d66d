package gate

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/avow-privacy/avow/gate/outward"
)

// Proxy returns the site that runs at target. It passes streams, WebSockets and
// server-sent events.
//
// The site is told who asked in X-Forwarded-For, -Host and -Proto. Host is the
// visitor's if the target is http, as for a server on this machine, and the
// target's if it is https: elsewhere its name is how a site is found. A site
// that cannot be reached, or takes two minutes to begin, is a page with 502 or
// 504 that says so. Nothing is logged.
func Proxy(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			proto := schemeOf(secure(r.In))
			r.SetURL(target)
			r.SetXForwarded()
			r.Out.Header.Set("X-Forwarded-Proto", proto)
			if target.Scheme != "https" {
				r.Out.Host = r.In.Host
			}
		},
		Transport:    transport(),
		BufferPool:   &buffers{sync.Pool{New: func() any { return new([buffer]byte) }}},
		ErrorLog:     log.New(io.Discard, "", 0), // what goes wrong names addresses of visitors
		ErrorHandler: unreachable,
	}
}

// transport asks the site. It decodes nothing: what is not changed passes as it came.
func transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:           dialer.DialContext,
		DisableCompression:    true,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ExpectContinueTimeout: time.Second,
		WriteBufferSize:       16 << 10,
		ReadBufferSize:        16 << 10,
	}
}

// unreachable answers for a site that did not.
func unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody waits any more
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		outward.Refuse(w, http.StatusGatewayTimeout, "This page takes too long", "The site behind this address did not answer in time. Please try again in a moment.")
		return
	}
	outward.Refuse(w, http.StatusBadGateway, "This page cannot be reached just now", "The site behind this address does not answer. Please try again in a moment.")
}

const buffer = 32 << 10

// buffers are what answers are copied through.
type buffers struct{ pool sync.Pool }

// Get is for httputil.ReverseProxy.
func (b *buffers) Get() []byte { return b.pool.Get().(*[buffer]byte)[:] }

// Put is for httputil.ReverseProxy.
func (b *buffers) Put(p []byte) { b.pool.Put((*[buffer]byte)(p)) }
