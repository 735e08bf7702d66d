package tend

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/avow-privacy/avow/internal/cli/world"
)

// KeysDNS is avow keys dns.
type KeysDNS struct {
	Private string `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
	JSON    bool   `name:"json" help:"Print the result as JSON."`
}

// Help is what avow keys dns --help says more.
func (*KeysDNS) Help() string {
	return `Prints the records to publish in the DNS, so that other mail servers can check the signatures of your letters (DKIM, RFC
6376 and RFC 8463). The keys are made when they are first asked for.

  avow keys dns
  avow keys dns --private http://127.0.0.1:8081 --keys file:/srv/avow/keys --json

The JSON is a list of objects with name and text; their type is TXT.`
}

// Run runs avow keys dns.
func (c *KeysDNS) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	records, err := house.DNS(context.Background(), token)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(w.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(records)
	}
	for _, r := range records {
		fmt.Fprintf(w.Stdout, "%s. IN TXT (", r.Name)
		for text := r.Text; text != ""; text = text[min(len(text), 255):] { // RFC 1035, section 3.3: a string has 255 bytes
			fmt.Fprintf(w.Stdout, " %q", text[:min(len(text), 255)])
		}
		fmt.Fprintln(w.Stdout, " )")
	}
	return nil
}
