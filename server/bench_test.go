package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/server/servertest"
)

// The benchmarks below come in pairs: what avow does, and a bare handler that
// reads or writes as much and does nothing. Only their ratio means anything.

const body = "name=Ada&email=ada@example.com&message=Does+the+sextant+float%3F+" +
	"I+would+take+it+on+a+small+boat+in+the+Baltic+and+it+would+certainly+fall+overboard."

func post(b *testing.B, h http.Handler, path string, want int) {
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}

// BenchmarkForm seals a form, enters it in the log, makes it durable and
// answers with a page and a receipt.
func BenchmarkForm(b *testing.B) { post(b, servertest.New(b).Public(), "/f/contact", http.StatusOK) }

func BenchmarkFormBare(b *testing.B) {
	post(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		_, _ = io.WriteString(w, "thank you")
	}), "/f/contact", http.StatusOK)
}

func get(b *testing.B, h http.Handler, path string) {
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkStatement(b *testing.B) { get(b, servertest.New(b).Public(), "/privacy") }

func BenchmarkStatementBare(b *testing.B) {
	page := servertest.New(b).Get("/privacy").Body
	get(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, page) }), "/privacy")
}
