package statement

import (
	"bytes"
	"strings"
	"testing"
)

// statementOf builds a statement of about as many words from the example.
func statementOf(t testing.TB, words int) []byte {
	src := harbour(t)
	head, body, _ := bytes.Cut(src, []byte("\n# "))
	out := append(append([]byte{}, head...), "\n# "...)
	out = append(out, body...)
	more := bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("{#"), []byte("{#more-")), []byte("{{"), []byte("("))
	for len(strings.Fields(string(out)))-len(strings.Fields(string(head))) < words {
		out = append(append(out, '\n'), bytes.ReplaceAll(more, []byte("#more-"), []byte("#more-m"))...)
		more = bytes.ReplaceAll(more, []byte("#more-"), []byte("#more-m"))
	}
	return out
}

func BenchmarkCompile(b *testing.B) {
	src := statementOf(b, 2000)
	if _, found := Compile("x.md", src, kept); found.Failed() {
		b.Fatal(found)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		Compile("x.md", src, kept)
	}
}

func BenchmarkHTML(b *testing.B) {
	s, _ := Compile("x.md", statementOf(b, 2000), kept)
	b.ReportAllocs()
	for b.Loop() {
		s.HTML(func(c *Clause) Mark { return Mark{"kept", "kept", "/promises/" + string(c.ID)} })
	}
}

func BenchmarkLookup(b *testing.B) {
	s, _ := Compile("x.md", harbour(b), kept)
	b.ReportAllocs()
	for b.Loop() {
		if s.Datum("email") == nil || s.Collection("contact") == nil || s.Keeper("collect.contact") == "" {
			b.Fatal("not found")
		}
	}
}
