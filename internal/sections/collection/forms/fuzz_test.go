package forms_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/server/servertest"
)

// FuzzForm sends anything at all as a form. It is taken with a receipt, or it
// is refused: never a fault of ours, never a half-written page.
func FuzzForm(f *testing.F) {
	for _, seed := range []struct{ kind, body string }{
		{"application/x-www-form-urlencoded", "email=ada%40example.com&message=hello&name=Ada"},
		{"application/x-www-form-urlencoded", "email=ada%40example.com&message=hello&avow-version=1"},
		{"application/x-www-form-urlencoded", "email=%ff&message=%00&%zz"},
		{"application/x-www-form-urlencoded", "email=<script>&message=\"'&name=&#x27;"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nada@example.com\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nhi\r\n--b--\r\n"},
		{"multipart/form-data", ""},
		{"application/json", `{"email":"ada@example.com","message":"hello"}`},
		{"application/json", `{"email":{"a":[1,2]},"message":null}`},
		{"", "email"},
	} {
		f.Add(seed.kind, seed.body)
	}
	public := servertest.New(f).Public()
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/f/contact", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		public.ServeHTTP(w, r)
		taken := strings.Contains(w.Body.String(), "c2sp.org/tlog-proof@v1")
		if w.Code >= 500 || taken != (w.Code == http.StatusOK) || !strings.HasSuffix(strings.TrimSpace(w.Body.String()), "</html>") {
			t.Errorf("answered %d, with a receipt: %v", w.Code, taken)
		}
	})
}
