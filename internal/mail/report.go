package mail

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

func newOriginal(header []field) Original {
	o := Original{ID: messageID(first(header, "message-id")), header: header}
	list, _ := addresses(first(header, "to"))
	if len(list) == 1 {
		o.To = list[0]
	}
	return o
}

// readComplaint reads the second part of a feedback report (RFC 5965).
func readComplaint(b []byte, original Original) *Complaint {
	header, _ := readFields(bytes.TrimLeft(b, "\r\n \t"))
	c := &Complaint{Kind: strings.ToLower(first(header, "feedback-type")), Original: original}
	c.ReturnPath = sole(values(header, "original-mail-from"))
	for _, name := range []string{"original-rcpt-to", "removal-recipient"} {
		for _, value := range values(header, name) {
			if a := recipient(value); !a.IsZero() && !slices.Contains(c.Recipients, a) && len(c.Recipients) < maxList {
				c.Recipients = append(c.Recipients, a)
			}
		}
	}
	if len(c.Recipients) == 0 && !original.To.IsZero() {
		c.Recipients = []Address{original.To}
	}
	return c
}

// readStatus reads the second part of a delivery status notification (RFC
// 3464): a header about the message, and one about each recipient.
func readStatus(b []byte, original Original) *Report {
	r := &Report{Original: original}
	for len(b) > 0 && len(r.Recipients) < maxFindings {
		header, rest := readFields(b)
		if len(rest) == len(b) { // a line that is none
			_, rest, _ = bytes.Cut(b, []byte{'\n'})
		}
		b = rest
		if d, ok := readDelivery(header); ok {
			r.Recipients = append(r.Recipients, d)
		}
	}
	return r
}

func readDelivery(header []field) (d Delivery, ok bool) {
	d.Final = recipient(first(header, "final-recipient"))
	d.Original = recipient(first(header, "original-recipient"))
	action, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(first(header, "action"))), " ")
	diagnostic := first(header, "diagnostic-code")
	d.Action, d.Status = action, statusIn(first(header, "status"))
	// Some say 5.0.0 and leave it to the other server's words to say more.
	if said := statusIn(diagnostic); said != "" && (d.Status == "" || strings.HasSuffix(d.Status, ".0.0")) {
		d.Status = said
	}
	d.Class = classOf(d.Action, d.Status, diagnostic)
	return d, first(header, "final-recipient")+first(header, "original-recipient")+action != ""
}

// recipient reads "rfc822; a@example.com" and what is written in its place.
func recipient(s string) Address {
	if _, after, ok := strings.Cut(s, ";"); ok {
		s = after
	}
	list, _ := addresses(s)
	if len(list) == 0 {
		return Address{}
	}
	return list[0]
}

var (
	enhanced = regexp.MustCompile(`(?:^|[^0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	basic    = regexp.MustCompile(`(?:^|[^0-9.])([45])[0-9]{2}[ -]`)
)

// statusIn finds an enhanced status code (RFC 3463), or makes one of a reply.
func statusIn(s string) string {
	s = s[:min(len(s), 2<<10)]
	if m := enhanced.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if m := basic.FindStringSubmatch(s); m != nil {
		return m[1] + ".0.0"
	}
	return ""
}

// What servers say when they send a letter back, in the order in which it is
// asked: a full mailbox is often said to be "unavailable" too.
var sayings = []struct {
	class Class
	words *regexp.Regexp
}{
	{Soft, regexp.MustCompile(`(?i)quota|mailbox (is )?full|full mailbox|storage|too (big|large)|size limit|exceeds? (the )?(maximum|limit)|spam|virus|block(ed|list)|blacklist|reputation|spamhaus|content (was )?reject|dmarc|spf|policy|greylist|gr[ae]ylist|rate limit|too many`)},
	{Hard, regexp.MustCompile(`(?i)(user|recipient|address|mailbox|account|alias|addressee)( name| address)?( you (entered|tried to reach))?,?( \S+){0,3} (is |was |has been |are |couldn't be |could not be |does |doesn't |did |not )*(unknown|not exist|exist|found|disabled|inactive|closed|deactivated|invalid|not valid|unavailable|not listed|rejected)`)},
	{Hard, regexp.MustCompile(`(?i)no (such|mailbox)|unknown (user|recipient|address|mailbox|local|or illegal|to address)|unrout?eable (address|mail domain)|invalid (recipient|mailbox|address)|bad destination|doesn't have an? \S+ account|not (a valid|our customer|listed in)|invalid final delivery|no longer (available|valid|active|in use)|mailbox unavailable|(host|domain|name)( or domain)?( name| service)? (not (found|known)|unknown)|nxdomain|RESOLVER\.ADR|host unknown`)},
	{Soft, regexp.MustCompile(`(?i)time(d)? ?out|temporar|try again|deferred|connection refused|too long|expired|will be retried|still being|retry|unreachable|throttl|socket error|requests to connect|unable to connect`)},
}

// classOf says what follows from a delivery. A permanent status alone is not
// enough: a full mailbox, a letter that was too large or looked like spam say
// nothing about the address.
func classOf(action, status, said string) Class {
	switch {
	case action == "delivered", action == "relayed", action == "expanded", strings.HasPrefix(status, "2."):
		return Fine
	case action == "delayed", strings.HasPrefix(status, "4."):
		return Soft
	case slices.Contains([]string{"5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.4.4"}, status):
		return Hard
	case slices.Contains([]string{"5.2.2", "5.2.3", "5.3.1", "5.3.4", "5.4.5", "5.4.6", "5.4.7"}, status):
		return Soft
	}
	said = said[:min(len(said), 2<<10)]
	for _, s := range sayings {
		if s.words.MatchString(said) {
			return s.class
		}
	}
	if strings.HasPrefix(status, "5.3.") || strings.HasPrefix(status, "5.6.") || strings.HasPrefix(status, "5.7.") {
		return Soft
	}
	return Unknown
}
