// Package sender weighs whether a mail comes from whom it says.
//
// It believes two things: a DKIM signature (RFC 6376) of the domain in From,
// over From and over what the mail asks for; and what our own border wrote into
// the topmost Authentication-Results (RFC 8601). Everything else a sender can
// write himself. What is not sure is doubtful, never forged: mailing lists break
// signatures, and DNS fails.
package sender

import (
	"context"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/avow-privacy/avow/internal/mail"
)

// A Trust is how far the From address of a mail can be believed.
type Trust string

// Trusts.
const (
	Authenticated Trust = "authenticated" // its domain vouches for it
	Doubtful      Trust = "doubtful"      // nobody vouches, nothing speaks against it
	Forged        Trust = "forged"        // its domain or its own form speaks against it
)

// A Word is what is thought of a mail's sender, and why. It holds nothing of
// the mail itself.
type Word struct {
	Trust  Trust
	Reason string
}

// Options say what may be relied on. Without any, everybody is doubtful.
type Options struct {
	// Trusted are the authserv-ids of our own border. It has to take those that
	// others wrote in its name out of the mail, as RFC 8601 (5) asks; what was
	// never at the border, such as an mbox from elsewhere, is weighed without.
	Trusted []string
	// TXT asks DNS for the keys of DKIM.
	TXT func(ctx context.Context, name string) ([]string, error)
	// Max is how many signatures are looked at, 3 if zero.
	Max int
}

const patience, maxSignatures = 5 * time.Second, 3

// Weigh weighs raw, of which m was read. It takes no longer than 5 seconds.
func Weigh(ctx context.Context, raw []byte, m *mail.Message, o Options) Word {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if word, odd := form(raw, m); odd {
		return word
	}
	said, sure := borderSays(m, o.Trusted)
	if sure {
		return said
	}
	signed := signature(ctx, raw, m.From.Domain(), o)
	if signed.Trust == Authenticated || said.Reason == "" {
		return signed
	}
	return said
}

// singular are the fields that decide what a mail says and who says it. Each
// may be there once (RFC 5322, 3.6; RFC 2045); of two, one reader takes the
// first and the next reader the last.
var singular = []string{"from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}

// form looks at the shape of the header, as we read it and as DKIM does.
func form(raw []byte, m *mail.Message) (w Word, odd bool) {
	head := headerOf(raw)
	if len(head.fields) > maxFields {
		return Word{Doubtful, "its header has too many fields to check"}, true
	}
	for _, name := range singular {
		n := max(len(m.Header(name)), len(head.named(name)))
		switch {
		case name == "from" && n == 0:
			return Word{Doubtful, "it has no From"}, true
		case name == "from" && n > 1:
			return Word{Forged, "it has more than one From"}, true
		case n > 1:
			return Word{Doubtful, "it has more than one " + name}, true
		}
	}
	switch {
	case len(m.Header("from")) != 1 || len(head.named("from")) != 1:
		return Word{Doubtful, "its header ends differently for different readers"}, true
	case head.odd:
		return Word{Doubtful, "its header holds what not every reader reads the same"}, true
	case m.From.IsZero():
		return Word{Doubtful, "its From is not one address"}, true
	}
	return Word{}, false
}

// aligned reports whether one domain may vouch for the other: both belong to
// the same organisation (DMARC's relaxed alignment).
func aligned(domain, from string) bool {
	domain, from = strings.ToLower(strings.TrimSuffix(domain, ".")), strings.ToLower(from)
	if domain == from {
		return domain != ""
	}
	a, errA := publicsuffix.EffectiveTLDPlusOne(domain)
	b, errB := publicsuffix.EffectiveTLDPlusOne(from)
	return errA == nil && errB == nil && a == b
}
