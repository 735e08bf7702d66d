package gate_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/avow-privacy/avow/gate"
)

const statementText = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
cookies:
  basket: {for: remember what is in your basket, keep: session, necessary: true}
---
# Privacy statement

## Collection of information

[Our cookies are the ones in this table, and no others.]{#cookies keeps=cookies}

{{cookies}}
`

// A site that sets two cookies, of which one is declared, and loads a script
// from somewhere that is not.
func Example() {
	site := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "basket", Value: "sextant"})
		http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "4711"})
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<p>Ahoy</p><script src="https://ads.example/a.js"></script>`)
	})
	g, err := gate.New(gate.Config{
		Statement: []byte(statementText),
		Key:       []byte("32 random bytes, kept for years."),
		Clock:     time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/", g.Handler(site))
	mux.Handle("/privacy/out", g.Out())

	r := httptest.NewRequest("GET", "https://harbour.example/", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Header()["Set-Cookie"])
	fmt.Println(strings.Contains(w.Header().Get("Content-Security-Policy"), "ads.example"))
	fmt.Println(w.Body)
	// Output:
	// [basket=sextant]
	// false
	// <p>Ahoy</p><script data-avow-src="https://ads.example/a.js"></script>
}
