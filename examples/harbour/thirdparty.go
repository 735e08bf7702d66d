package harbour

import (
	_ "embed"
	"net/http"
)

//go:embed thirdparty/map.html
var mapPage []byte

//go:embed thirdparty/metrics.js
var metricsScript []byte

// MapsHost is the third party that the statement declares.
const MapsHost = "maps.harbour.example"

// Maps serves what the third party serves that the statement declares: a map,
// for pages to frame. It stays inside the machine and keeps nothing.
func Maps() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /northhaven", fixed("text/html; charset=utf-8", mapPage))
	return mux
}

// Metrics serves what careless sites are full of, and the statement does not
// declare: a script that recognises the visitor by a cookie of its own and
// reports the page. It stays inside the machine and keeps nothing.
func Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics.js", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "metrics_id", Value: "everyone", Path: "/", MaxAge: 400 * 24 * 3600})
		fixed("text/javascript; charset=utf-8", metricsScript)(w, r)
	})
	mux.HandleFunc("POST /beacon", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

func fixed(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-store") // each load is seen
		w.Write(body)
	}
}
