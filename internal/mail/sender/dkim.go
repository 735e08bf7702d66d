package sender

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// How much of a header is given to DKIM: its cost grows with one times the
// other, and a sender chooses both.
const maxFields, maxSignature = 1000, 4 << 10

const dkimField = "dkim-signature"

// signature looks for one of that domain that holds. The signatures of others
// are not looked at: nobody should make us ask DNS about whom he likes.
func signature(ctx context.Context, raw []byte, from string, o Options) Word {
	head := headerOf(raw)
	all := head.named(dkimField)
	if o.TXT == nil || len(all) == 0 {
		return Word{Doubtful, "nobody signed it"}
	}
	most := o.Max
	if most == 0 {
		most = maxSignatures
	}
	w := Word{Doubtful, "nobody of its domain signed it"}
	for _, s := range all {
		tags, err := readTags(s)
		if err != nil || !aligned(ascii(tags["d"]), from) {
			continue
		}
		if most--; most < 0 || ctx.Err() != nil {
			break
		}
		if reason := weak(tags, head); reason != "" {
			w.Reason = reason
		} else if w = check(ctx, head, s, o); w.Trust == Authenticated {
			return w
		}
	}
	return w
}

// weak says what is wrong with a signature that may well hold. Content-Type need
// not be covered: large providers leave it out, and who changes it can only have
// somebody's own words read in another way.
func weak(tags map[string]string, head header) string {
	signed := strings.Split(strings.ToLower(tags["h"]), ":")
	_, partly := tags["l"]
	switch {
	case !strings.HasSuffix(tags["a"], "-sha256"):
		return "its signature uses a hash that does not hold any more"
	case partly:
		return "its signature covers only the beginning of it"
	case !slices.Contains(signed, "from"):
		return "its signature does not cover From"
	case len(head.named("subject")) > 0 && !slices.Contains(signed, "subject"):
		return "its signature does not cover the subject"
	case len(head.named("date")) > 0 && !slices.Contains(signed, "date"):
		return "its signature does not cover Date" // and so it may be old
	case len(head.named("reply-to")) > 0 && !slices.Contains(signed, "reply-to"):
		return "its signature does not cover Reply-To"
	}
	return ""
}

var errDNS = errors.New("DNS does not answer")

// check has one signature verified, with all others taken out of the header.
func check(ctx context.Context, head header, signature string, o Options) Word {
	unanswered, testing := false, false
	lookup := func(name string) ([]string, error) {
		if ctx.Err() != nil {
			unanswered = true
			return nil, errDNS
		}
		records, err := o.TXT(ctx, name)
		if err != nil {
			unanswered = true
			return nil, errDNS // what DNS says names the sender
		}
		for _, r := range records {
			tags, err := readTags("key:" + r)
			testing = testing || err == nil && slices.Contains(strings.Split(tags["t"], ":"), "y")
		}
		return records, nil
	}
	// In one piece: what DKIM does to a body is linear only so.
	found, err := dkim.VerifyWithOptions(bytes.NewReader(head.only(signature)), &dkim.VerifyOptions{LookupTXT: lookup, MaxVerifications: 1})
	switch {
	case unanswered:
		return Word{Doubtful, "DNS does not tell the key of its signature"}
	case err != nil || len(found) != 1 || found[0].Err != nil:
		return Word{Doubtful, "its signature does not hold"}
	case testing:
		return Word{Doubtful, "its domain only tests signing"}
	}
	return Word{Authenticated, "a signature of its domain holds"}
}

// readTags reads the tags of a field such as "v=1; a=rsa-sha256; …", without
// any blanks.
func readTags(field string) (map[string]string, error) {
	_, value, _ := strings.Cut(field, ":")
	if len(value) > maxSignature {
		return nil, errors.New("too long")
	}
	tags := map[string]string{}
	for part := range strings.SplitSeq(value, ";") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if _, twice := tags[name]; twice && name != "" {
			return nil, errors.New("a tag is there twice")
		}
		tags[name] = strings.Join(strings.Fields(value), "")
	}
	return tags, nil
}

// A header is one as DKIM reads it: fields from line end to line end, up to the
// first empty line, whatever is in them.
type header struct {
	fields []string // with their line ends
	body   []byte
	odd    bool // a CR, a NUL, or something that is no field
}

func headerOf(raw []byte) (h header) {
	if bytes.HasPrefix(raw, []byte("From ")) { // of a mailbox
		_, raw, _ = bytes.Cut(raw, newline)
	}
	var field []byte
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, newline)
		raw, line = rest, bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			break
		}
		folded := line[0] == ' ' || line[0] == '\t'
		h.odd = h.odd || bytes.ContainsAny(line, "\r\x00") || folded && len(field) == 0 || !folded && bytes.IndexByte(line, ':') < 1
		if !folded && len(field) > 0 {
			h.fields, field = append(h.fields, string(field)), field[:0]
		}
		field = append(append(field, line...), "\r\n"...)
	}
	if len(field) > 0 {
		h.fields = append(h.fields, string(field))
	}
	h.body = raw
	return h
}

var newline = []byte{'\n'}

// named returns the fields with that name.
func (h header) named(name string) (found []string) {
	for _, f := range h.fields {
		if key, _, ok := strings.Cut(f, ":"); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			found = append(found, f)
		}
	}
	return found
}

// only is the whole mail with one signature.
func (h header) only(signature string) []byte {
	var b bytes.Buffer
	for _, f := range h.fields {
		key, _, _ := strings.Cut(f, ":")
		if f == signature || !strings.EqualFold(strings.TrimSpace(key), dkimField) {
			b.WriteString(f)
		}
	}
	b.WriteString("\r\n")
	b.Write(h.body)
	return b.Bytes()
}
