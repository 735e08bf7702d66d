package mail

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
	"unique"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// An Address is where a letter goes, in one spelling: lower case, the domain in
// A-labels, without the name of a person. What comes after a plus is kept.
//
// However it is printed, logged or marshalled it says [address]; only Text
// reveals it. It is a handle, not a string, because fmt does not ask the
// unexported fields of a struct how they want to be printed.
type Address struct{ text unique.Handle[string] }

const hidden = "[address]"

// What RFC 5321 (4.5.3.1) and RFC 3696 (erratum 1690) allow.
const maxLocal, maxDomain, maxAddress = 64, 253, 254

var (
	errShape  = errors.New("not an address")
	errLong   = errors.New("an address longer than mail systems take")
	errLocal  = errors.New("an address with a character that needs quotes")
	errDomain = errors.New("an address whose domain is none")
)

// domains maps what people type to what DNS knows. Letter case and width are
// mapped, deviations such as ß stay as they are.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// In says whether data of a fideslang category are e-mail addresses, of whatever
// kind.
func In(category string) bool {
	return category == "user.contact.email" || strings.HasPrefix(category, "user.contact.email.")
}

// ParseAddress reads an address as it stands between angle brackets. Its errors
// do not hold what was read.
func ParseAddress[S string | []byte](s S) (Address, error) {
	text := strings.Trim(string(s), " \t")
	at := strings.LastIndexByte(text, '@')
	if at < 1 || !utf8.ValidString(text) {
		return Address{}, errShape
	}
	if len(text) > 4*maxAddress { // before IDNA works on it
		return Address{}, errLong
	}
	local, err := readLocal(text[:at])
	if err != nil {
		return Address{}, err
	}
	domain, err := domains.ToASCII(text[at+1:])
	domain = strings.TrimSuffix(domain, ".") // which only says that it is a whole name
	if err != nil || domain == "" || strings.HasSuffix(domain, ".") {
		return Address{}, errDomain
	}
	if len(local) > maxLocal || len(domain) > maxDomain || len(local)+1+len(domain) > maxAddress {
		return Address{}, errLong
	}
	return Address{unique.Make(local + "@" + domain)}, nil
}

// readLocal takes dots wherever they are: a..b and a. are the addresses of
// people in Japan. Quotes are taken off where they are not needed; addresses
// that need them are refused, for half of what comes after reads them wrongly.
func readLocal(s string) (string, error) {
	if n := len(s); n > 2 && s[0] == '"' && s[n-1] == '"' {
		s = s[1 : n-1]
	}
	for _, r := range s {
		atom := r > unicode.MaxASCII && unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != unicode.ReplacementChar
		if !atom && (r > unicode.MaxASCII || !isAtom(byte(r)) && r != '.') {
			return "", errLocal
		}
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s))), nil
}

func isAtom(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// Text reveals the address: to send to it, to digest it, to seal it.
func (a Address) Text() string {
	if a.IsZero() {
		return ""
	}
	return a.text.Value()
}

// Local is what stands before the @.
func (a Address) Local() string {
	local, _, _ := strings.Cut(a.Text(), "@")
	return local
}

// Domain is what stands after the @, in A-labels.
func (a Address) Domain() string {
	_, domain, _ := strings.Cut(a.Text(), "@")
	return domain
}

// IsZero reports whether a is no address.
func (a Address) IsZero() bool { return a == Address{} }

func (a Address) String() string { return hidden }

// Format prints [address], whatever the verb.
func (a Address) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue logs [address].
func (a Address) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText marshals [address].
func (a Address) MarshalText() ([]byte, error) { return []byte(hidden), nil }
