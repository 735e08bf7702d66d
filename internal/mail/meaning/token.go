package meaning

import (
	"net/url"
	"strings"

	"github.com/avow-privacy/avow/internal/mail"
)

// tokenLike says whether s could be a token: base64url of some length.
func tokenLike(s string) bool {
	if len(s) < 22 || len(s) > 256 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// subjectToken finds the token of "unsubscribe <token>", as the mailto address
// of a letter has it.
func subjectToken(subject string) string {
	f := strings.Fields(subject)
	if len(f) == 2 && strings.EqualFold(f[0], "unsubscribe") && tokenLike(f[1]) {
		return f[1]
	}
	return ""
}

// addressToken finds the token that stands after a plus in our own address.
func addressToken(to []mail.Address, optOut mail.Address) string {
	if optOut.IsZero() {
		return ""
	}
	for _, a := range to {
		tag, ok := strings.CutPrefix(a.Local(), optOut.Local()+"+")
		if ok && a.Domain() == optOut.Domain() && tokenLike(tag) {
			return tag
		}
	}
	return ""
}

// quotedToken finds the token in the values of List-Unsubscribe of a letter
// that came back: of https://…/u/<token>, or of the subject of a mailto.
func quotedToken(values []string) string {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			u, err := url.Parse(strings.Trim(strings.TrimSpace(part), "<>"))
			if err != nil {
				continue
			}
			token := subjectToken(u.Query().Get("subject"))
			if _, last, ok := strings.Cut(u.Path, "/u/"); ok && tokenLike(last) {
				token = last
			}
			if token != "" {
				return token
			}
		}
	}
	return ""
}
