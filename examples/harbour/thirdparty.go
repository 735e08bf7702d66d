package harbour

import (
	_ "embed"
	"net/http"
)

//go:embed thirdparty/maps.js
var mapsScript []byte

//go:embed thirdparty/metrics.js
var metricsScript []byte

// ThirdParty serves what the pages load from somebody else: maps.js, which the
// statement declares, and metrics.js, which it does not. The second is what
// careless sites are full of: it recognises the visitor by a cookie of its own
// and reports the page. It stays inside the machine and keeps nothing.
func ThirdParty() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /maps.js", script(mapsScript))
	mux.HandleFunc("GET /metrics.js", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "metrics_id", Value: "everyone", Path: "/", MaxAge: 400 * 24 * 3600})
		script(metricsScript)(w, r)
	})
	mux.HandleFunc("POST /beacon", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

func script(src []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store") // each load is seen
		w.Write(src)
	}
}
