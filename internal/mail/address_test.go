package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Ann@Example.ORG", "ann@example.org"},
		{" ann+news@example.org\t", "ann+news@example.org"},
		{"ann@bücher.example", "ann@xn--bcher-kva.example"},
		{"ann@BÜCHER.example", "ann@xn--bcher-kva.example"},
		{"ann@straße.example", "ann@xn--strae-oqa.example"},
		{"ann@example.org.", "ann@example.org"},
		{"ann@bücher.example。", "ann@xn--bcher-kva.example"},
		{"ann@example.org..", ""},
		{"jörg@example.org", "jörg@example.org"},
		{"jo\u0308rg@example.org", "jörg@example.org"},
		{`"ann.b"@example.org`, "ann.b@example.org"},
		{"a..b.@docomo.example", "a..b.@docomo.example"},
		{"a@localhost", "a@localhost"},
		{"o'neil!#$%&*=?^_`{|}~/@example.org", "o'neil!#$%&*=?^_`{|}~/@example.org"},
		{strings.Repeat("a", 64) + "@example.org", strings.Repeat("a", 64) + "@example.org"},
		{strings.Repeat("a", 65) + "@example.org", ""},
		{"a@" + strings.Repeat("b.", 130) + "example", ""},
		{"", ""}, {"ann", ""}, {"@example.org", ""}, {"ann@", ""}, {"ann@.", ""}, {"ann@example..org", ""},
		{"ann@[192.0.2.1]", ""},
		{`"ann b"@example.org`, ""},
		{`"ann@b"@example.org`, ""},
		{"ann@b@example.org", ""},
		{"ann\r\nBcc: eve@example.org", ""},
		{"ann@example.org\r\nRCPT TO:<eve@example.org>", ""},
		{"ann@example.org\r\n", ""},
		{"ann\x00@example.org", ""}, {"ann\x7f@example.org", ""}, {"ann@exa\x00mple.org", ""},
		{"ann\u2028@example.org", ""}, {"ann\u00a0@example.org", ""}, {"ann\u202e@example.org", ""},
		{"ann@example.org>", ""}, {"<ann@example.org>", ""}, {"Ann <ann@example.org>", ""}, {"ann,eve@example.org", ""},
		{"\xff@example.org", ""},
	} {
		a, err := ParseAddress(test.in)
		if a.Text() != test.want || (err == nil) != (test.want != "") {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", test.in, a.Text(), err, test.want)
		}
		b, errB := ParseAddress([]byte(test.in))
		if a != b || !errors.Is(errB, err) {
			t.Errorf("ParseAddress of bytes %q differs", test.in)
		}
	}
}

// An address that was read once is read the same again, holds nothing that ends
// a line, and is what its two halves are.
func TestAddressIsOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		local := rapid.StringMatching(`[!-~\pL\pM]{1,20}`).Draw(t, "local")
		domain := rapid.StringMatching(`[a-zA-Z\p{Latin}0-9-]{1,10}\.[a-z]{2,5}`).Draw(t, "domain")
		oneSpelling(t, local+"@"+domain)
	})
}

func oneSpelling(t interface{ Fatalf(string, ...any) }, s string) {
	a, err := ParseAddress(s)
	if err != nil {
		if len(s) > 8 && strings.Contains(err.Error(), s) {
			t.Fatalf("the error of %q tells it", s)
		}
		return
	}
	b, err := ParseAddress(a.Text())
	if err != nil || a != b {
		t.Fatalf("%q is %q, and that is %q, %v", s, a.Text(), b.Text(), err)
	}
	if a.Local()+"@"+a.Domain() != a.Text() || len(a.Text()) > 254 || strings.ContainsAny(a.Text(), "\r\n\x00 <>,;\"") {
		t.Fatalf("%q is %q", s, a.Text())
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b", "Ä@ß.example", "İ@example.org", "\u212a@example.org", "a@\u3002b", `"a"@b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { oneSpelling(t, s) })
}

// Whatever prints an address, it is not to be seen.
func TestAddressIsHidden(t *testing.T) {
	a, _ := ParseAddress("ann@example.org")
	within := struct {
		Shown  Address
		hidden Address
		list   []Address
		of     map[Address]int
	}{a, a, []Address{a}, map[Address]int{a: 1}}
	said := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
		said += fmt.Sprintf(verb, a) + fmt.Sprintf(verb, &a) + fmt.Sprintf(verb, within) + fmt.Sprintf(verb, &within)
	}
	said += fmt.Sprint(a, within) + fmt.Sprint(fmt.Errorf("stop %v: %w", a, errShape))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "a", a, "in", within)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", a, "in", within)
	marshalled, _ := json.Marshal(within)
	said += log.String() + string(marshalled)
	if strings.Contains(said, "ann") || strings.Contains(said, "616e6e") || strings.Contains(said, "example.org") {
		t.Error(said)
	}
	if fmt.Sprint(a) != "[address]" || string(marshalled) != `{"Shown":"[address]"}` {
		t.Error(fmt.Sprint(a), string(marshalled))
	}
	if (Address{}).Text() != "" || !(Address{}).IsZero() || a.IsZero() || (Address{}).Domain() != "" {
		t.Error("the zero address is none")
	}
}
