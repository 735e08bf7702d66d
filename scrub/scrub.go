// Package scrub takes personal information out of log lines and slog records.
//
// A line of an access log keeps its shape: addresses become networks (IPv4 /24,
// IPv6 /48) or tokens of one day, browsers become families, referrers origins,
// and of a query only the values of named keys stay. E-mail addresses, card and
// phone numbers, addresses and secrets are masked wherever they stand,
// percent-encoded or escaped, once or several times over. It is made for logs:
// it errs on the side of masking, and it does not know names.
//
// Known are the combined and common formats of nginx, Apache and Traefik, with
// a virtual host in front or further fields behind, and JSON as nginx, Caddy and
// Traefik write it. Each line is looked at by itself; of a line in no known
// format the patterns are masked, no more.
//
// What was scrubbed stays as it is when it is scrubbed again.
package scrub

import (
	"bytes"
	"hash/maphash"
	"time"

	"github.com/avow-privacy/avow/scrub/agents"
	"github.com/avow-privacy/avow/scrub/pattern"
)

// A Kind is a kind of personal information.
type Kind = pattern.Kind

// The kinds. Those up to Secret are found by their look, anywhere; the others by
// where they stand in a line of a known format.
const (
	Mail     = pattern.Mail     // an e-mail address
	Card     = pattern.Card     // a payment card number: issuer, length and check digit fit
	Phone    = pattern.Phone    // a telephone number, international or in a common national form
	Address  = pattern.Address  // an IP address, as opposed to a network
	Token    = pattern.Token    // what stands after Bearer or Basic
	JWT      = pattern.JWT      // a JSON Web Token (RFC 7519)
	Secret   = pattern.Secret   // an access key, a long random word, the value of a key such as password
	User     = pattern.User     // the name of who signed in
	Query    = pattern.Query    // a value in a query
	Referrer = pattern.Referrer // a referrer beyond its origin
	Agent    = pattern.Agent    // a User-Agent beyond its families
	Moment   = pattern.Moment   // a time beyond its second, or minute
	Long     = pattern.Long     // a line longer than MaxLine, masked whole
)

// A Format is how the lines of a log are written.
type Format uint8

// The formats. With Auto each line is looked at by itself.
const (
	Auto     Format = iota
	Combined        // combined, common, vhost_combined, and what adds fields to them
	JSON            // one object a line
	Text            // no format: patterns only
)

// Rules say what may stay. The zero value keeps least.
type Rules struct {
	Query  []string         // keys of queries whose values stay; a last * stands for any rest
	Token  bool             // a visitor is a token of one day, instead of a network
	Minute bool             // times are kept to the minute, instead of the second
	Format Format           // how lines are written
	Clock  func() time.Time // ends the days of tokens; without it a token's key lives as long as its Scrubber
}

// MaxLine is how long a line may be, in bytes. Writer masks a longer one whole,
// for what was cut in two can no longer be recognised.
const MaxLine = 256 << 10

// A Scrubber scrubs lines. One goroutine at a time may use it.
type Scrubber struct {
	rules   Rules
	key     *dayKey
	find    pattern.Finder
	agents  agents.Memory
	seed    maphash.Seed
	origins [originSlots][]byte
	second  [27]byte // the last time field, which the next line mostly shares
	day     []byte   // the day of the line, if it has one
	swap    []byte
	seen    Summary
	counts  [pattern.Kinds]int64
}

// New returns a Scrubber.
func New(r Rules) *Scrubber {
	s := &Scrubber{rules: r, seed: maphash.MakeSeed()}
	if r.Token {
		s.key = &dayKey{clock: r.Clock}
	}
	return s
}

// fork returns a Scrubber of the same rules and the same key for tokens.
func (s *Scrubber) fork() *Scrubber {
	f := New(s.rules)
	f.key = s.key
	return f
}

// Line appends line, scrubbed, to dst. A line break at the end stays.
func (s *Scrubber) Line(dst, line []byte) []byte {
	s.seen.Lines++
	s.seen.In += int64(len(line))
	from := len(dst)
	body := line
	if n := len(body); n > 0 && body[n-1] == '\n' {
		body = body[:n-1]
	}
	if n := len(body); n > 0 && body[n-1] == '\r' {
		body = body[:n-1]
	}
	dst = s.body(dst, body)
	dst = append(dst, line[len(body):]...)
	s.seen.Out += int64(len(dst) - from)
	return dst
}

func (s *Scrubber) body(dst, line []byte) []byte {
	from := len(dst)
	counted := s.counts
	s.day = nil
	if format := s.rules.Format; len(line) > 0 && format != Text {
		var ok bool
		if line[0] == '{' && format != Combined {
			dst, ok = s.json(dst, line)
		} else if format != JSON {
			dst, ok = s.combined(dst, line)
		}
		if ok {
			return dst
		}
		dst, s.counts = dst[:from], counted
	}
	return s.text(dst, line)
}

// Text appends b to dst with the patterns masked, whatever b is.
func (s *Scrubber) Text(dst, b []byte) []byte {
	s.day = nil
	return s.text(dst, b)
}

func (s *Scrubber) text(dst, b []byte) []byte {
	from := len(dst)
	return s.mask(append(dst, b...), from)
}

// rounds is how often masking may bring something else to light.
const rounds = 8

// mask masks the patterns in dst[from:] until none is found any more. So what
// it returns holds nothing that Find finds.
func (s *Scrubber) mask(dst []byte, from int) []byte {
	for range rounds {
		s.find.Look(dst[from:])
		if len(s.find.Spans) == 0 {
			return dst
		}
		dst = s.replace(dst, from)
	}
	return append(dst[:from], masked...)
}

// replace puts placeholders where spans were found in dst[from:].
func (s *Scrubber) replace(dst []byte, from int) []byte {
	b, at := dst[from:], 0
	s.swap = s.swap[:0]
	for i := range s.find.Spans {
		f := &s.find.Spans[i]
		s.counts[f.Kind]++
		s.swap = append(s.swap, b[at:f.From]...)
		if f.Kind == Address {
			s.swap = s.network(s.swap, &f.IP)
		} else {
			s.swap = append(s.swap, placeholders[f.Kind]...)
		}
		at = f.To
	}
	s.swap = append(s.swap, b[at:]...)
	return append(dst[:from], s.swap...)
}

// masked stands for a value that is not named by its kind.
const masked = "[…]"

var placeholders = func() (all [pattern.Kinds]string) {
	for k := range all {
		all[k] = "[" + Kind(k).String() + "]"
	}
	return all
}()

// Find tells what kinds of patterns b holds, each once for each time it is
// found. It finds nothing in what was scrubbed.
func Find(b []byte) []Kind {
	var f pattern.Finder
	var all []Kind
	f.Look(b)
	for _, s := range f.Spans {
		all = append(all, s.Kind)
	}
	return all
}

// A Summary tells what was done.
type Summary struct {
	Lines   int64          `json:"lines"`
	In      int64          `json:"bytes_in"`
	Out     int64          `json:"bytes_out"`
	Removed map[Kind]int64 `json:"removed"` // how many of each kind
}

// Add adds what another Scrubber did.
func (s *Summary) Add(other Summary) {
	s.Lines, s.In, s.Out = s.Lines+other.Lines, s.In+other.In, s.Out+other.Out
	for k, n := range other.Removed {
		if s.Removed == nil {
			s.Removed = map[Kind]int64{}
		}
		s.Removed[k] += n
	}
}

// Summary tells what was done since New.
func (s *Scrubber) Summary() Summary {
	sum := s.seen
	sum.Removed = map[Kind]int64{}
	for k, n := range s.counts {
		if n > 0 {
			sum.Removed[Kind(k)] = n
		}
	}
	return sum
}

// Removed is how often something was removed since New. A line that Line leaves
// as it is does not change it.
func (s *Scrubber) Removed() (n int64) {
	for _, c := range s.counts {
		n += c
	}
	return n
}

// put appends what stands for a value of kind k, unless it stands there already.
func (s *Scrubber) put(dst, value []byte, k Kind, instead string) []byte {
	if !bytes.Equal(value, []byte(instead)) {
		s.counts[k]++
	}
	return append(dst, instead...)
}
