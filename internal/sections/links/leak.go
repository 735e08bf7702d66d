package links

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A Leak is something about a person in an address that leads to another site.
// It says where, and never what.
type Leak struct {
	Kind  string // e-mail address, phone number, id, or field
	Where string // path, fragment, or the name of a parameter
}

var (
	mail  = regexp.MustCompile(`[\pL\pN._%+-]{1,64}@[\pL\pN-]{1,63}(\.[\pL\pN-]{1,63})*\.\pL{2,}`)
	phone = regexp.MustCompile(`(^|[^\pL\pN])(\+|00)[1-9][0-9 ()./+-]{6,16}[0-9]($|[^\pL\pN])`)
	ours  = regexp.MustCompile(`(^|[^\pL\pN])(sub|rec)_[0-9a-z]{20,}`)
	names = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
)

// people are names of parameters that hold who somebody is, however they are
// written together.
var people = []string{"email", "mail", "phone", "tel", "telephone", "mobile", "firstname", "lastname", "surname", "fullname", "username",
	"userid", "uid", "user", "customer", "customerid", "customernumber", "member", "memberid", "account", "accountid", "subject", "subjectid",
	"clientid", "visitorid", "sessionid", "session", "sid", "token", "ssn", "birthday", "birthdate", "dob", "address", "postcode", "zip"}

// Carried finds what an address tells about a person: an e-mail address or phone
// number anywhere, plain, percent-encoded or in base64, one of our ids, or a
// parameter that is called like a field of the statement or like an id.
func Carried(u *url.URL, fields []string) (found []Leak) {
	say := func(kind, where string) {
		if l := (Leak{kind, where}); !slices.Contains(found, l) {
			found = append(found, l)
		}
	}
	look := func(text, where string) {
		for _, kind := range told(text) {
			say(kind, where)
		}
	}
	look(u.Path, "path")
	look(u.Fragment, "fragment")
	if u.User != nil {
		say("name or password", "before the host")
	}
	for part := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		where := "a parameter"
		if names.MatchString(strings.ToLower(name)) && len(name) <= 40 {
			where = name
		} else {
			look(name, where)
		}
		look(value, where)
		if kind := called(name, fields); kind != "" && value != "" {
			say(kind, where)
		}
	}
	return found
}

// called says what a parameter's name says that it holds.
func called(name string, fields []string) string {
	name = strings.ToLower(name)
	if slices.Contains(fields, name) {
		return "field"
	}
	bare := strings.NewReplacer("_", "", "-", "", ".", "").Replace(name)
	for _, hash := range []string{"", "hash", "md5", "sha256"} {
		if slices.Contains(people, strings.TrimSuffix(bare, hash)) {
			return "id"
		}
	}
	return ""
}

// told says what is in a text, or in what it is when it is decoded once more.
func told(text string) (kinds []string) {
	for _, t := range []string{text, unescape(text), decoded(text)} {
		for kind, pattern := range map[string]*regexp.Regexp{"e-mail address": mail, "phone number": phone, "id": ours} {
			if t != "" && pattern.MatchString(t) && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}

// unescape decodes a text; one that is not encoded stays as it is.
func unescape(text string) string {
	if plain, err := url.QueryUnescape(strings.ReplaceAll(text, "+", "%2B")); err == nil {
		return plain
	}
	return text
}

// decoded reads base64 of any kind; "" is none.
func decoded(text string) string {
	text = strings.TrimRight(text, "=")
	for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
		if plain, err := e.DecodeString(text); err == nil && len(plain) > 5 {
			return string(plain)
		}
	}
	return ""
}
