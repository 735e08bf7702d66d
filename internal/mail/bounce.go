package mail

import (
	"regexp"
	"slices"
	"strings"
)

// A bounce without a delivery status is known by three things together: it
// comes from a mail system, it says so in its first words, and it names
// addresses where mail systems name them. A reply to a vacation has no more
// than the first.

var (
	// Above this line the mail system speaks, below is the letter.
	copyBegins = regexp.MustCompile(`(?i)^[-_=* ]*(below this line is a copy of the message|this is a copy of (the|your) message|the body of the message is|original message( headers?)?( follows)?|unsent message (follows|below)|returned (message|mail)|the headers? of the original message|(a copy of )?(the|your) (original )?(message|headers?) (follows?|is enclosed|below)|message headers? follows?|enclosed is a copy|included is a copy of the message header)\b`)

	intro = regexp.MustCompile(`(?i)qmail-send program|(invalid|no such|unknown) user|user unknown|^returned mail|transcript of session|(could|can) ?not be (delivered|sent|reached)|unable to deliver|undeliver(able|ed)|(wasn't|not) able to (be deliver|deliver)|delivery (has |to .+ has )?(failed|failure)|delivery status notification|permanent(ly)? (fatal )?(error|fail)|did not reach|failed (permanently|to deliver|addresses|recipient)|has not been delivered|message (you sent )?(was |has been )?(not delivered|returned|rejected|delayed)|mail delivery (failed|system)|couldn't be delivered|could not deliver|following (address|recipient)s?|delivery (is|has been) delayed|rejected by`)

	late = regexp.MustCompile(`(?i)message (\S+ )?(was |has been |is )?(still )?delayed|delayed mail|delivery .*delayed|not yet been delivered|not need to resend|attempts will continue|will keep trying|still being retried`)

	// An address at the beginning of a line, or after the words that lead to one.
	named = regexp.MustCompile(`(?i)^[\s>*•-]*(?:(?:.* )?(?:to|recipient|user(?:id)?|address|mailto)\s*:\s*(?:rfc822;\s*)?|[45][0-9][0-9][ -](?:[45]\.[0-9.]+ )?)?[<"'(]?([^\s<>"'():;,@]+@[^\s<>"'():;,@]+?)[>"')]?(?:\s*\(?<?(?:mailto:)?\S*@\S*>?\)?)?(?:\.\.\.+.*|\s*(?:[:(\[].*| on .*|[-–] .*| .*(?:invalid|unknown|error|\b5[0-9]{2}\b).*)?)$`)
)

// How much of a bounce is looked at.
const maxSaid, maxSaidLine, maxHead, maxReason, maxFindings = 400, 300, 4 << 10, 2 << 10, 100

// readBounce reads a bounce as qmail, Exim, Postfix, Sendmail, Exchange and
// their like write it for people. Nil is none.
func (m *Message) readBounce(original Original) *Report {
	if !m.ofSystem() {
		return nil
	}
	said, copied := m.bounceText()
	head := strings.Join(said, "\n")
	head = head[:min(len(head), maxHead)]
	known := failedRecipients(m)
	tardy := late.MatchString(m.Subject) || len(known) == 0 && late.MatchString(head)
	if len(known) == 0 && !tardy && !intro.MatchString(m.Subject) && !intro.MatchString(head) {
		return nil
	}
	if original.header == nil {
		header, _ := readFields([]byte(strings.TrimLeft(copied, "\n \t")))
		original = newOriginal(header)
	}
	action := "failed"
	if tardy {
		action = "delayed"
	}
	r := &Report{Original: original}
	for _, f := range findings(said, m.own()) {
		r.add(f.to, action, f.reason, head)
	}
	for _, a := range known {
		r.add(a, action, head, "")
	}
	if len(r.Recipients) == 0 && m.NullReturn {
		r.add(Address{}, action, head, "") // the address it came to may say whose it is
	}
	if len(r.Recipients) == 0 {
		return nil
	}
	return r
}

// add adds a recipient. Some say why before they say of whom.
func (r *Report) add(a Address, action, reason, otherwise string) {
	if len(r.Recipients) >= maxFindings || slices.ContainsFunc(r.Recipients, func(d Delivery) bool { return d.Final == a }) {
		return
	}
	d := Delivery{Final: a, Action: action, Status: statusIn(reason)}
	if d.Class = classOf(action, d.Status, reason); d.Class == Unknown {
		d.Class = classOf(action, d.Status, otherwise)
	}
	r.Recipients = append(r.Recipients, d)
}

// ofSystem reports whether m comes from a mail system, not from a person.
func (m *Message) ofSystem() bool {
	if m.NullReturn || len(m.Header("x-failed-recipients")) > 0 {
		return true
	}
	local, _, _ := strings.Cut(unmarked(m.From.Local()), "+")
	return slices.Contains([]string{"mailerdaemon", "postmaster", "maildaemon", "mailer", "mdaemon", "noreply"}, local) || strings.HasPrefix(local, "microsoftexchange")
}

// own are addresses that the bounce is written to, not about.
func (m *Message) own() []Address { return append([]Address{m.From, m.ReplyTo}, m.To...) }

func failedRecipients(m *Message) (known []Address) {
	for _, value := range m.Header("x-failed-recipients") {
		list, _ := addresses(value)
		known = append(known, list...)
	}
	return known
}

// bounceText divides the text into what the mail system says, line by line, and
// the copy of the letter.
func (m *Message) bounceText() (said []string, copied string) {
	rest := m.Text
	for rest != "" && len(said) < maxSaid {
		line, after, _ := strings.Cut(rest, "\n")
		rest = after
		if len(line) < 200 && copyBegins.MatchString(line) {
			break
		}
		said = append(said, strings.TrimSpace(line[:min(len(line), maxSaidLine)]))
	}
	return said, rest
}

type finding struct {
	to     Address
	reason string
}

// findings are the lines that begin with an address, and what is said after
// each: up to the next one, or to the second empty line.
func findings(said []string, own []Address) (found []finding) {
	empty := 0
	for _, line := range said {
		if line == "" {
			empty++
			continue
		}
		a, last := addressIn(line), len(found)-1
		again := last >= 0 && found[last].to == a
		if !a.IsZero() && !again && !slices.Contains(own, a) && len(found) < maxFindings {
			found, empty = append(found, finding{a, line}), 0
			continue
		}
		if last >= 0 && (again || empty < 2) && len(found[last].reason) < maxReason {
			found[last].reason += "\n" + line
		}
	}
	return found
}

func addressIn(line string) (a Address) {
	if strings.Contains(line, "@") {
		if m := named.FindStringSubmatch(line); m != nil {
			a, _ = ParseAddress(m[1])
		}
	}
	return a
}
