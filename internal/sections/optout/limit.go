package optout

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits keeps one network from stopping letters to long lists of addresses. A
// network is known by a hash that nobody can compute without the keys and that is
// another one each day. However many networks there are, the memory is the same:
// two may share a place, and then share what is allowed.
type limits struct {
	key []byte

	mu     sync.Mutex
	places [4096]*rate.Limiter
}

// At most burst at once, and one each pace after that.
const burst, pace = 20, 6 * time.Second

// allow says whether a request from remote, as net/http has it, may stop letters.
func (l *limits) allow(remote string, now time.Time) bool {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte(now.UTC().Format(time.DateOnly)))
	h.Write([]byte(network(remote)))
	i := binary.BigEndian.Uint64(h.Sum(nil)) % uint64(len(l.places))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.places[i] == nil {
		l.places[i] = rate.NewLimiter(rate.Every(pace), burst)
	}
	return l.places[i].AllowN(now, 1)
}

// network is what somebody's provider gives to one household, or to a few.
func network(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	a, bits := at.Addr().Unmap().WithZone(""), 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
