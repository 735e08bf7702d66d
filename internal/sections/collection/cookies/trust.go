package cookies

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
)

// trust says what a request that grants something is worth.
type trust int

const (
	script  trust = iota // nobody pressed anything
	unknown              // the browser does not say
	person               // somebody pressed a button on a page of this site
)

// pressed reads from the Fetch Metadata of a request (W3C Fetch Metadata, section
// 2) who sent it. A page cannot set these headers: Sec-Fetch-User is there only
// on a navigation that a person's own act began. Safari sends the others and
// never that one; old browsers, and any browser over plain http to another
// machine, send none.
func pressed(r *http.Request) trust {
	site, mode, user := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-User")
	dest := r.Header.Get("Sec-Fetch-Dest")
	switch {
	case site == "" && mode == "" && user == "" && dest == "":
		return unknown
	case site != "same-origin" || mode != "navigate" || dest != "" && dest != "document":
		return script
	case user == "?1":
		return person
	case neverSays(r.UserAgent()):
		return unknown
	}
	return script
}

// neverSays says whether a browser is of the kind that does not send
// Sec-Fetch-User. A page cannot make a navigation say that it is of another kind.
func neverSays(agent string) bool {
	return strings.Contains(agent, "AppleWebKit/") && !strings.Contains(agent, "Chrome/") && !strings.Contains(agent, "Chromium/")
}

// confirmFor is how long a button to confirm may be pressed.
const confirmFor = 10 * time.Minute

// confirms knows which confirmations were used. Each is signed, stands for one
// set of offers, and is good once.
type confirms struct {
	mu   sync.Mutex
	used map[[16]byte]int64 // until when it must be remembered, in seconds
}

// newConfirm makes the token of a button to confirm set.
func newConfirm(key []byte, set choice.Set, now time.Time) string {
	b := make([]byte, 24, 24+sha256.Size)
	_, _ = rand.Read(b[:16])
	binary.BigEndian.PutUint64(b[16:], uint64(now.Add(confirmFor).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, confirmSum(key, set, b)...))
}

func confirmSum(key []byte, set choice.Set, head []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("avow confirm"))
	m.Write(head)
	_ = binary.Write(m, binary.BigEndian, uint64(set))
	return m.Sum(nil)
}

// maxUsed bounds how many used confirmations are remembered. Each is made by a
// form of ours and takes a request, so that only an attack can come so far; then
// none is accepted until older ones have run out.
const maxUsed = 10000

// take says whether token confirms set, and uses it up.
func (c *confirms) take(key []byte, token string, set choice.Set, now time.Time) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 24+sha256.Size || !hmac.Equal(b[24:], confirmSum(key, set, b[:24])) {
		return false
	}
	until := int64(binary.BigEndian.Uint64(b[16:24]))
	if now.Unix() > until {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.used) >= maxUsed {
		for id, end := range c.used {
			if end < now.Unix() {
				delete(c.used, id)
			}
		}
	}
	id := [16]byte(b)
	if _, again := c.used[id]; again || len(c.used) >= maxUsed {
		return false
	}
	c.used[id] = until
	return true
}
