package links

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testLabel = `<span role="img" aria-label="leaves this site">&nbsp;↗&#xfe0e;</span>`

func labeller() *Labeller {
	return &Labeller{Label: []byte(testLabel), Say: "leaves this site", Ours: []string{"harbour.example"}}
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		`<a href="https://tides.example/x">Tides</a>`:                `<a href="https://tides.example/x">Tides` + testLabel + `</a>`,
		`<A HREF=//tides.example>Tides</A >`:                         `<A HREF=//tides.example>Tides` + testLabel + `</A >`,
		`<a href="/x">here</a><a href=https://harbour.example/>home`: `<a href="/x">here</a><a href=https://harbour.example/>home`,
		`<a href="mailto:a@b.example">mail</a>`:                      `<a href="mailto:a@b.example">mail</a>`,
		`<img src="https://tides.example/x.png"><script src="https://tides.example/x.js"></script><iframe src="https://maps.example"></iframe>`: `<img src="https://tides.example/x.png"><script src="https://tides.example/x.js"></script><iframe src="https://maps.example"></iframe>`,
		`<!-- <a href="https://tides.example">x</a> --><textarea><a href="https://tides.example">x</a></textarea>`:                              `<!-- <a href="https://tides.example">x</a> --><textarea><a href="https://tides.example">x</a></textarea>`,
		`<!doctype html><html><body><map><area href="https://tides.example" alt="Tides"></map>`:                                                 `<!doctype html><html><body><map><area href="https://tides.example" alt="Tidesleaves this site"></map>`,
	} {
		got, _, err := labeller().Page([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s becomes\n%s\nwant\n%s (%v)", in, got, want, err)
		}
		again, _, err := labeller().Page(got)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%s becomes\n%s\nand then\n%s (%v)", in, got, again, err)
		}
	}
}

// TestLabelAgain: whatever a page is, to label it twice is to label it once, and
// nothing else of it changes.
func TestLabelAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"<a href=https://tides.example>", "<a href='/x'>", "</a>", "</a x>", "text", "<b>", "</b>", "<p>", "<area alt=x href=//a.example>",
			"<area href=//a.example alt='x y'>", "<svg>", "</svg>", "<script>", "</script>", "<!--", "-->", testLabel, "<textarea>", "</textarea>", "<title>leaves this site</title>", "\x00", "é", "<", ">", "<table>", "<template>", "</template>"})).Draw(t, "parts"), "")
		once, _, err := labeller().Page([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		twice, _, err := labeller().Page(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s\nbecomes\n%s\nand then\n%s (%v)", in, once, twice, err)
		}
		without := func(s string) string { return strings.ReplaceAll(s, testLabel, "") }
		if !strings.Contains(in, "<area") && !strings.Contains(in, "<svg") && without(in) != without(string(once)) {
			t.Fatalf("%s\nbecomes\n%s", in, once)
		}
	})
}
