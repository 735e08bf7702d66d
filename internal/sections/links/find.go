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
	found := ""
	for _, link := range read(a.URL, a.Body) {
		at := link.to.String()
		if !address(at) {
			continue
		}
		name := strings.ToLower(link.name)
		for _, word := range private {
			if strings.Contains(name, word) {
				return at, nil
			}
			if found == "" && strings.Contains(strings.ToLower(link.to.Path), word) {
				found = at
			}
		}
	}
	return found, nil
}
