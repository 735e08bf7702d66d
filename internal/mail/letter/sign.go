package letter

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/emersion/go-msgauth/dkim"
)

// Selectors name the keys that letters are signed with: one of Ed25519 (RFC 8463),
// and one of RSA for older systems (RFC 6376).
var Selectors = []string{"avow-e", "avow-r"}

// signed are the fields that a signature covers. From stands twice: a signature
// that covers one that is not there breaks when somebody adds one. So do the
// others that a letter may lack.
var signed = []string{"From", "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"}

// MakeKey makes the key of a selector, in PKCS #8.
func MakeKey(selector string) (der []byte, err error) {
	var key any
	if selector == "avow-e" {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// A Signer signs letters for one domain, with every key it has.
type Signer struct {
	domain string
	keys   []key
}

type key struct {
	selector string
	signer   crypto.Signer
	record   string
}

// NewSigner returns a Signer without keys.
func NewSigner(domain string) *Signer { return &Signer{domain: domain} }

// Add gives it a key that MakeKey made.
func (s *Signer) Add(selector string, der []byte) error {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return fmt.Errorf("key %s: %w", selector, err)
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		public, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			return fmt.Errorf("key %s: %w", selector, err)
		}
		s.keys = append(s.keys, key{selector, k, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)})
	case ed25519.PrivateKey:
		s.keys = append(s.keys, key{selector, k, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))})
	default:
		return fmt.Errorf("key %s: %w", selector, errors.New("neither RSA nor Ed25519"))
	}
	return nil
}

// Sign puts a signature with each key before a letter.
func (s *Signer) Sign(letter []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(letter) + 1500)
	for _, k := range s.keys {
		w, err := dkim.NewSigner(&dkim.SignOptions{Domain: s.domain, Selector: k.selector, Signer: k.signer, Hash: crypto.SHA256,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signed})
		if err == nil {
			_, err = w.Write(letter)
			err = errors.Join(err, w.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("sign with %s: %w", k.selector, err)
		}
		out.WriteString(w.Signature())
	}
	out.Write(letter)
	return out.Bytes(), nil
}

// A Record is a TXT record to publish in the DNS, by which others find a key.
type Record struct{ Name, Text string }

// Records are those of all keys.
func (s *Signer) Records() (all []Record) {
	for _, k := range s.keys {
		all = append(all, Record{k.selector + "._domainkey." + s.domain, k.record})
	}
	return all
}
