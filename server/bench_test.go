package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
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

// asked is what a program sends, with the staff token.
func asked(b *testing.B, h *servertest.House) func(method, path, body string) *httptest.ResponseRecorder {
	_, token := h.Client()
	private := h.Server.Private()
	return func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		private.ServeHTTP(w, r)
		return w
	}
}

const given = `{"values": {"name": "Ada", "email": "ada%d@example.com", "message": "Does the sextant float? I would take it on a small boat in the Baltic."}}`

// many runs do at 64 connections' worth of goroutines.
func many(b *testing.B, want int, do func(n int64) *httptest.ResponseRecorder) {
	var n atomic.Int64
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if w := do(n.Add(1)); w.Code != want {
				b.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	ask := asked(b, servertest.New(b))
	many(b, http.StatusCreated, func(n int64) *httptest.ResponseRecorder {
		return ask("POST", "/v1/collect/contact", fmt.Sprintf(given, n))
	})
}

func BenchmarkRead(b *testing.B) {
	ask := asked(b, servertest.New(b))
	const people = 1000
	for n := range people {
		ask("POST", "/v1/collect/contact", fmt.Sprintf(given, n))
	}
	b.ResetTimer()
	many(b, http.StatusOK, func(n int64) *httptest.ResponseRecorder {
		return ask("POST", "/v1/reads", fmt.Sprintf(`{"collection": "contact", "purpose": "reply", "actor": "mia", "where": {"email": "ada%d@example.com"}}`, n%people))
	})
}

// BenchmarkDecide is what an operation costs that does nothing else.
func BenchmarkDecide(b *testing.B) {
	ask := asked(b, servertest.New(b))
	many(b, http.StatusOK, func(int64) *httptest.ResponseRecorder {
		return ask("POST", "/v1/decisions", `{"collection": "contact", "purpose": "reply", "actor": "mia"}`)
	})
}

// BenchmarkBare decodes and encodes as much JSON behind a bare mux.
func BenchmarkBare(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/decisions", func(w http.ResponseWriter, r *http.Request) {
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_ = json.NewEncoder(w).Encode(in)
	})
	many(b, http.StatusOK, func(int64) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v1/decisions", strings.NewReader(`{"collection": "contact", "purpose": "reply", "actor": "mia"}`))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w
	})
}
