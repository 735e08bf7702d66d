package mail

import (
	"slices"
	"strings"
)

// MayReply reports whether a program may answer m by itself (RFC 3834): only
// what a person wrote, and never what comes from one of our own addresses.
func (m *Message) MayReply(own ...Address) bool {
	to := m.From
	if !m.ReplyTo.IsZero() {
		to = m.ReplyTo
	}
	if to.IsZero() || m.NullReturn || m.Report != nil || m.Complaint != nil || m.automatic() {
		return false
	}
	for _, a := range []Address{m.From, to, m.ReturnPath} {
		if slices.Contains(own, a) || ofNobody(a) {
			return false
		}
	}
	return true
}

// automatic reports whether the header says that no person waits for an answer.
func (m *Message) automatic() bool {
	for _, f := range m.header {
		word, _, _ := strings.Cut(f.value, ";")
		word = strings.ToLower(strings.TrimSpace(word))
		switch f.name {
		case "auto-submitted":
			if word != "no" {
				return true
			}
		case "precedence":
			if word == "bulk" || word == "list" || word == "junk" || word == "auto_reply" {
				return true
			}
		case "x-auto-response-suppress":
			// Of what Exchange may ask for only these speak of answers like ours.
			if strings.Contains(word, "all") || strings.Contains(word, "autoreply") {
				return true
			}
		case "list-id", "list-post", "list-unsubscribe", "x-autoreply", "x-autorespond", "x-failed-recipients", "feedback-id":
			return true
		}
	}
	return false
}

// ofNobody reports whether a is the address of a program by its name.
func ofNobody(a Address) bool {
	local, _, _ := strings.Cut(a.Local(), "+")
	switch unmarked(local) {
	case "mailerdaemon", "postmaster", "noreply", "donotreply", "nobody", "listserv", "majordomo", "bounce", "bounces":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.HasPrefix(local, "noreply-") || strings.HasPrefix(local, "no-reply-") ||
		strings.HasSuffix(local, "-request") || strings.HasSuffix(local, "-bounces") || strings.HasSuffix(local, "-owner")
}

// unmarked takes out what some write in such names and others do not.
func unmarked(local string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
}
