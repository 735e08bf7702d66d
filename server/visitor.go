package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// visitors lets what is behind see who really asks. What a proxy of ours says
// about its client is believed of proxies of ours alone; anybody else could
// write anything there, so from anybody else it is taken away.
func (c *Config) visitors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !c.trusts(peer.Addr()) {
			delete(r.Header, "X-Forwarded-For")
			delete(r.Header, "X-Forwarded-Proto")
		} else if client, ok := c.client(r.Header["X-Forwarded-For"]); ok {
			r.RemoteAddr = net.JoinHostPort(client.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

// client is the last address of a list that is not a proxy of ours: each proxy
// adds the one that it was asked by.
func (c *Config) client(lists []string) (last netip.Addr, ok bool) {
	for i := len(lists) - 1; i >= 0; i-- {
		list := lists[i]
		for more := true; more; {
			var one string
			at := strings.LastIndexByte(list, ',')
			if one, more = list[at+1:], at >= 0; more {
				list = list[:at]
			}
			a, err := netip.ParseAddr(strings.TrimSpace(one))
			if err != nil {
				return last, ok
			}
			if last, ok = a.Unmap().WithZone(""), true; !c.trusts(last) {
				return last, ok
			}
		}
	}
	return last, ok
}

func (c *Config) trusts(a netip.Addr) bool {
	a = a.Unmap()
	if len(c.Proxies) == 0 {
		return a.IsLoopback()
	}
	for _, p := range c.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
