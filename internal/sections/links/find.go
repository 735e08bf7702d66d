package links

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/internal/egress"
)

// private are words by which sites call their privacy statement, best first: in
// English, German, French, Spanish, Italian, Dutch, Portuguese, Polish, Swedish
// and Danish.
var private = []string{"privacy", "datenschutz", "confidentialité", "confidentialite", "données personnelles", "donnees-personnelles", "vie privée",
	"privacidad", "protección de datos", "riservatezza", "privacidade", "prywatno", "integritetspolicy", "dataskydd", "privatlivspolitik", "persondata"}

// Statement looks on the first page of a host for the address of its privacy
// statement. It returns "" if there is no link that looks like one. A site
// that calls a link so may mean something else: let a person look.
func Statement(ctx context.Context, door *egress.Door, host string) (string, error) {
	a, err := door.Get(ctx, "https://"+host+"/")
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("%s is answered %d", host, a.Status)
	}
	return statementOn(read(a.URL, a.Body)), nil
}

// statementOn is the link that is called like a privacy statement, or else leads
// to an address that is.
func statementOn(all []anchor) (found string) {
	for _, link := range all {
		at := link.to.String()
		if !address(at) {
			continue
		}
		name := strings.ToLower(link.name)
		for _, word := range private {
			if strings.Contains(name, word) {
				return at
			}
			if found == "" && strings.Contains(strings.ToLower(link.to.Path), word) {
				found = at
			}
		}
	}
	return found
}
