package vault

import (
	"bytes"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// index is the blind index of a value, however the value is written. An empty
// value has none.
func (v *Vault) index(by By) (digest [16]byte, ok bool) {
	plain := normal(by.Category, by.Value)
	defer clear(plain)
	if len(plain) == 0 {
		return digest, false
	}
	return v.keys.Index(by.Field, plain), true
}

// normal writes a value in one way. What a category has no way of its own for
// is written in composed characters, lower case and single spaces.
func normal(category string, value []byte) []byte {
	if isPhone(category) {
		return phone(value)
	}
	if plain(value) {
		return bytes.ToLower(value)
	}
	text := bytes.Join(bytes.Fields(norm.NFC.Bytes(bytes.ToLower(norm.NFC.Bytes(value)))), []byte(" "))
	if at := bytes.LastIndexByte(text, '@'); at >= 0 {
		return address(text, at)
	}
	return text
}

// plain says that a value needs nothing but lower case: it is of ASCII without
// spaces, and if it has a host, not one that could be written in two ways. Nearly
// all addresses are.
func plain(value []byte) bool {
	label := 0
	for i, c := range value {
		if c <= ' ' || c >= 0x7f || c|0x20 == 'n' && label == 1 && value[i-1]|0x20 == 'x' {
			return false
		}
		if label++; c == '@' || c == '.' {
			label = 0
		}
	}
	return len(value) > 0 && value[len(value)-1] != '.'
}

// address writes the host of an e-mail address as it stands in the DNS. Dots
// and plus signs before the @ are left alone: to some providers they matter, and
// to take two people for one would hand one's information to the other.
func address(text []byte, at int) []byte {
	host, err := idna.Lookup.ToASCII(string(bytes.TrimSuffix(text[at+1:], []byte("."))))
	if err != nil {
		return text // no host that could exist: the address stands for itself
	}
	return append(text[:at+1:at+1], strings.TrimSuffix(host, ".")...) // there are other dots than "."
}

const phoneCategory = "user.contact.phone_number"

func isPhone(category string) bool {
	return category == phoneCategory || strings.HasPrefix(category, phoneCategory+".")
}

// phone writes a telephone number as E.164 does, as far as that can be told
// from the number alone: digits, headed by + if it says its country, which some
// write as 00. A number without its country stays one: to guess the country
// would take two people for one. The 0 in "+44 (0)20" is for who does not dial
// the +44.
func phone(value []byte) []byte {
	text := bytes.TrimLeft(norm.NFKC.Bytes(value), " \t\r\n(")
	abroad := bytes.HasPrefix(text, []byte("+"))
	if abroad || bytes.HasPrefix(text, []byte("00")) {
		text = bytes.Replace(text, []byte("(0)"), nil, 1)
	}
	number := make([]byte, 1, len(text)+1)
	number[0] = '+'
	for _, c := range text {
		if c >= '0' && c <= '9' {
			number = append(number, c)
		}
	}
	digits := number[1:]
	if rest, ok := bytes.CutPrefix(digits, []byte("00")); ok && !abroad && len(rest) > 0 {
		return append(number[:1], rest...)
	}
	if abroad && len(digits) > 0 {
		return number
	}
	return digits
}
