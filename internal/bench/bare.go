package bench

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
)

// bare is what a JSON service costs that does nothing: it decodes the body that
// the house is sent, keeps nothing, and answers as many bytes of JSON.
type bare struct{ pad atomic.Pointer[string] }

// answers makes the answers of that many bytes.
func (b *bare) answers(size int) {
	pad := strings.Repeat("x", max(0, size-len(`{"answer":""}`)-1))
	b.pad.Store(&pad)
}

func (b *bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Collection, Purpose, Actor, Record string
		Values, Where                      map[string]string
	}
	if r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // whoever hung up needs no answer
		Answer string `json:"answer"`
	}{*b.pad.Load()})
}
