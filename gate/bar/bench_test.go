package bar_test

import (
	"testing"

	"github.com/avow-privacy/avow/gate/bar"
)

// BenchmarkBody is what a page view pays for the question.
func BenchmarkBody(b *testing.B) {
	made, style := bar.New(about("en"), some, "/privacy"), bar.FromPolicy()
	b.ReportAllocs()
	for b.Loop() {
		made.Body(ask, "/shop?page=2", false, style)
	}
}

// BenchmarkFromPolicy reads a strict policy of usual length.
func BenchmarkFromPolicy(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		bar.FromPolicy("default-src 'self'; script-src 'nonce-r4nd0m' 'strict-dynamic' https:; style-src 'self' 'nonce-r4nd0m'; object-src 'none'; base-uri 'none'")
	}
}
