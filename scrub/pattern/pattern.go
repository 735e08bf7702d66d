// Package pattern finds in bytes what tells who somebody is, or lets somebody in.
package pattern

// A Kind is a kind of personal information.
type Kind uint8

// The kinds. Those up to Secret are found by their look, anywhere; the others by
// where they stand in a line of a known format.
const (
	Mail     Kind = iota // an e-mail address
	Card                 // a payment card number: issuer, length and check digit fit
	Phone                // a telephone number, international or in a common national form
	Address              // an IP address, as opposed to a network
	Token                // what stands after Bearer or Basic
	JWT                  // a JSON Web Token (RFC 7519)
	Secret               // an access key, a long random word, the value of a key such as password
	User                 // the name of who signed in
	Query                // a value in a query
	Referrer             // a referrer beyond its origin
	Agent                // a User-Agent beyond its families
	Moment               // a time beyond its second, or minute
	Long                 // a line longer than MaxLine, masked whole
	Kinds                // how many kinds there are
)

var kindNames = [Kinds]string{"e-mail", "card", "phone", "address", "token", "jwt", "secret", "user", "query", "referrer", "agent", "moment", "long"}

// String is the kind in one word, as placeholders have it: [e-mail], [card].
func (k Kind) String() string {
	if k >= Kinds {
		return "unknown"
	}
	return kindNames[k]
}

// MarshalText writes the kind in one word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
