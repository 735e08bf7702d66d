// Package wall proves in real browsers that the gate is a wall: a corpus of
// pages that know nothing of avow, in every state of choice, and another site
// that counts what reaches it. The same pages without the gate show that they
// would leak.
package wall

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/audit/devtools"
	"go.uber.org/goleak"
)

var (
	allStates = flag.Bool("wall.all", false, "visit every page in every state in every browser")
	onlyPages = flag.String("wall.pages", "", "visit these pages only, separated by commas")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	shared.Lock()
	if shared.chromium != nil {
		shared.chromium.Close()
	}
	shared.Unlock()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// shared is what all tests use together.
var shared struct {
	sync.Mutex
	chromium *devtools.Browser
	third    *thirdParty
}

// missing ends a test whose browser is not there: in CI nothing is skipped.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("%v; run scripts/setup", err)
}

// chromiumFlags lead every host but the visits' own to the third party. Its
// certificate is not asked about, and pages may open windows by themselves.
func chromiumFlags(third *thirdParty) []string {
	return []string{
		fmt.Sprintf("--host-resolver-rules=MAP *.example 127.0.0.1:%d, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost, EXCLUDE localhost", third.port),
		"--ignore-certificate-errors", "--disable-popup-blocking", "--lang=en",
		"--force-webrtc-ip-handling-policy=default", "--autoplay-policy=no-user-gesture-required",
	}
}

// startChromium starts a Chromium of a test's own.
func startChromium(t testing.TB, third *thirdParty, flags ...string) *devtools.Browser {
	t.Helper()
	if _, err := devtools.Find(); err != nil {
		missing(t, err)
	}
	b, err := devtools.Start(context.Background(), devtools.Options{Flags: append(chromiumFlags(third), flags...), ThirdPartyCookies: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// key signs the choices of these tests.
var key = []byte("0123456789abcdef0123456789abcdef")

// statementText is the example's statement, with the corpus's third parties and
// cookies in place of its own.
func statementText() []byte {
	text := string(harbour.Statement)
	before, rest, ok := strings.Cut(text, "\ncookies:\n")
	_, after, ok2 := strings.Cut(rest, "\nrecipients:\n")
	if !ok || !ok2 {
		panic("the example's statement has another order")
	}
	var b strings.Builder
	b.WriteString(`
cookies:
  basket: {for: remember what is in your basket, keep: session, necessary: true}
  basket-script: {for: remember what you put in by script, keep: session, necessary: true}
  theme: {for: remember light or dark, keep: 12 months}
  theme-script: {for: remember light or dark, keep: 12 months}

trackers:
`)
	consent := map[string]string{"need": "none", "optin": "opt-in", "optout": "opt-out"}
	purpose := map[string]string{"need": "bring the parts that every page needs", "optin": "show the way to our workshop", "optout": "count how many like what"}
	for _, kind := range kinds[:3] {
		fmt.Fprintf(&b, "  cdn.%s.example: {for: %s, consent: %s}\n", kind, purpose[kind], consent[kind])
	}
	for _, state := range states {
		for _, channel := range idleChannels() {
			fmt.Fprintf(&b, "  %s.gate-%s.optin.example: {for: %s, consent: opt-in}\n", channel, state, purpose["optin"])
		}
	}
	return []byte(before + b.String() + "\nrecipients:\n" + after)
}

// states are what a visitor may have said.
var states = []string{"none", "refuse", "accept", "gpc"}

// may says whether a page may use a kind of host in a state.
func may(kind, state string) bool {
	switch kind {
	case "need":
		return true
	case "optin":
		return state == "accept"
	case "optout":
		return state == "none" || state == "accept"
	}
	return false
}

// visited are the pages that were asked for.
func visited() []page {
	if *onlyPages == "" {
		return pages
	}
	names := strings.Split(*onlyPages, ",")
	return slices.DeleteFunc(slices.Clone(pages), func(p page) bool { return !slices.Contains(names, p.name) })
}
