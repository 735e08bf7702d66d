package bar_test

import (
	"strings"
	"testing"

	"github.com/avow-privacy/avow/gate/bar"
)

// how says in words how style and script come into a page of a policy.
func how(policies ...string) string {
	b := bar.New(about("en"), some, "/privacy")
	st := bar.FromPolicy(policies...)
	body := string(b.Body(ask, "/", false, st))
	one := func(tag, file string) string {
		switch {
		case strings.Contains(body, "<"+tag+` nonce="`+st.Nonce+`">`) && st.Nonce != "":
			return "nonce " + st.Nonce
		case strings.Contains(body, "<"+tag+">"):
			return "inline"
		case strings.Contains(body, file):
			return "linked"
		}
		return "none"
	}
	style, script := one("style", "<link"), one("script", "<script defer src")
	out := style
	if style != script {
		out += ", script " + script
	}
	if st.NoForms {
		out += ", no forms"
	}
	return out
}

func TestFromPolicy(t *testing.T) {
	for _, c := range []struct {
		want     string
		policies []string
	}{
		{"inline", nil},
		{"inline", []string{""}},
		{"inline", []string{" ;; ,"}},
		{"inline", []string{"img-src 'self'"}},
		{"inline", []string{"upgrade-insecure-requests; frame-ancestors 'none'"}},
		{"inline", []string{"default-src 'self' 'unsafe-inline'"}},
		{"inline", []string{"DEFAULT-SRC 'SELF' 'Unsafe-Inline'"}},
		{"linked", []string{"default-src 'self'"}},
		{"linked", []string{"default-src *"}},
		{"linked", []string{"default-src\t'self'\n"}},
		{"none", []string{"default-src 'none'"}},
		{"none", []string{"default-src"}},
		{"none", []string{"default-src https://cdn.example"}},
		// Unknown or half a keyword lets nothing through.
		{"none", []string{"default-src self"}},
		{"none", []string{"default-src 'unsafe-inline"}},
		// A nonce or a hash takes 'unsafe-inline' away.
		{"nonce abc", []string{"script-src 'nonce-abc' 'unsafe-inline'; style-src 'nonce-abc'"}},
		{"nonce aBC==", []string{"default-src 'NONCE-aBC=='"}},
		{"linked", []string{"default-src 'self' 'unsafe-inline' 'sha256-AAAA'"}},
		{"inline, script nonce abc", []string{"script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:; object-src 'none'"}},
		{"inline, script none", []string{"script-src 'strict-dynamic' 'self'"}},
		{"inline, script linked", []string{"script-src 'self'; style-src 'self' 'unsafe-inline'"}},
		{"inline, script none", []string{"script-src 'none'"}},
		{"linked, script none", []string{"default-src 'self'; script-src 'none'"}},
		{"nonce s, script linked", []string{"style-src 'nonce-s'; script-src 'self'"}},
		// -elem goes before the plain one, that before default-src; the first
		// of two counts.
		{"linked", []string{"default-src 'none'; script-src-elem 'self'; script-src 'none'; style-src-elem 'self'"}},
		{"none", []string{"default-src 'none'; default-src 'self'"}},
		// All policies must let it through.
		{"linked", []string{"default-src 'self' 'unsafe-inline'", "default-src 'self'"}},
		{"linked", []string{"default-src 'self' 'unsafe-inline', default-src 'self'"}},
		{"none", []string{"default-src 'nonce-a'", "default-src 'nonce-b'"}},
		{"nonce b", []string{"default-src 'nonce-a' 'nonce-b'", "default-src 'nonce-b' 'nonce-c'"}},
		{"nonce a", []string{"default-src 'nonce-a'", "default-src 'unsafe-inline'"}},
		{"none", []string{"default-src 'nonce-a'", "default-src 'self'"}},
		{"nonce b", []string{"script-src 'nonce-a' 'nonce-b'; style-src 'nonce-b'"}},
		// What is no nonce is none, and takes 'unsafe-inline' away all the same.
		{"none", []string{`default-src 'nonce-"><b>' 'unsafe-inline'`}},
		{"none", []string{"default-src 'nonce-'"}},
		{"none", []string{"default-src 'nonce-a==='"}},
		// Forms do not fall back to default-src.
		{"none, no forms", []string{"default-src 'none'; form-action 'none'"}},
		{"inline, no forms", []string{"form-action https://pay.example"}},
		{"inline", []string{"form-action 'self' https://pay.example"}},
		{"inline, no forms", []string{"form-action 'self'", "form-action 'none'"}},
		{"inline, script none, no forms", []string{"sandbox"}},
		{"inline", []string{"sandbox allow-scripts allow-forms"}},
	} {
		if got := how(c.policies...); got != c.want {
			t.Errorf("%q: %s, want %s", c.policies, got, c.want)
		}
	}
}

// FuzzFromPolicy: whatever a policy is, more policies let through no more, and
// nothing of it comes into the page but a nonce.
func FuzzFromPolicy(f *testing.F) {
	f.Add("default-src 'self'", "script-src 'nonce-abc' 'unsafe-inline'")
	f.Add("sandbox; form-action 'none'", "style-src-elem *, default-src 'none'")
	f.Add(`script-src 'nonce-"><script>'`, "")
	b := bar.New(about("en"), some, "/privacy")
	f.Fuzz(func(t *testing.T, one, two string) {
		a, both := bar.FromPolicy(one), bar.FromPolicy(one, two)
		if both.Inline && !a.Inline || a.NoForms && !both.NoForms {
			t.Errorf("with a second policy more gets through: %+v, %+v", a, both)
		}
		if got := bar.FromPolicy(two, one); got != both {
			t.Errorf("their order matters: %+v, %+v", got, both)
		}
		if bar.FromPolicy(one, one) != a {
			t.Error("the same twice is not the same")
		}
		plain, body := b.Body(ask, "/", false, bar.Style{Inline: true}), b.Body(ask, "/", false, both)
		if len(body) > len(plain)+2*len(both.Nonce)+200 {
			t.Errorf("the policy came into the page: %s", body)
		}
		for _, r := range both.Nonce {
			if strings.ContainsRune("<>\"'& ", r) {
				t.Errorf("%q is no nonce", both.Nonce)
			}
		}
	})
}
