package vault

import (
	"bytes"

	"github.com/avow-privacy/avow"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// index is the blind index of a value, however the value is written.
func (v *Vault) index(field avow.Field, value []byte) [16]byte {
	plain := normal(value)
	defer clear(plain)
	return v.keys.Index(field, plain)
}

// normal writes a value in one way: composed characters, lower case, single
// spaces, and the host of an e-mail address as it stands in the DNS. Dots and
// plus signs before the @ are left alone: to some providers they matter, and to
// take two people for one would hand one's information to the other.
func normal(value []byte) []byte {
	text := bytes.Join(bytes.Fields(norm.NFC.Bytes(bytes.ToLower(norm.NFC.Bytes(value)))), []byte(" "))
	at := bytes.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	host, err := idna.Lookup.ToASCII(string(bytes.TrimSuffix(text[at+1:], []byte("."))))
	if err != nil {
		return text // no host that could exist: the address stands for itself
	}
	return append(text[:at+1:at+1], host...)
}
