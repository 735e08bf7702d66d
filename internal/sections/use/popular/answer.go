package popular

import (
	"io"
	"net/http"
	"strings"
	"sync"
)

// An answer is passed on as it is; what it is is remembered.
type answer struct {
	http.ResponseWriter
	status int  // 0 before it is known
	html   bool // a page
	named  bool // the answer said itself what it is
}

var answers = sync.Pool{New: func() any { return new(answer) }}

// WriteHeader passes the status on. Only a final one counts (RFC 9110, section 15.2).
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.begin(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write passes more of the page on.
func (a *answer) Write(b []byte) (int, error) {
	a.body(b)
	return a.ResponseWriter.Write(b)
}

// WriteString is Write.
func (a *answer) WriteString(text string) (int, error) {
	if a.status == 0 || !a.named {
		return a.Write([]byte(text))
	}
	return io.WriteString(a.ResponseWriter, text)
}

// ReadFrom lets the connection send a file by itself, as it could without us.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if from, ok := a.ResponseWriter.(io.ReaderFrom); ok {
		if a.status == 0 {
			a.begin(http.StatusOK)
		}
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

// Flush sends what was written.
func (a *answer) Flush() {
	if a.status == 0 {
		a.begin(http.StatusOK)
	}
	_ = http.NewResponseController(a.ResponseWriter).Flush() // it has no way to say that it cannot
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) begin(status int) {
	a.status = status
	kind := first(a.Header()["Content-Type"])
	a.named = kind != ""
	a.html = isHTML(kind)
}

// body looks at the first bytes of an answer that does not say what it is, as
// net/http will.
func (a *answer) body(b []byte) {
	if a.status == 0 {
		a.begin(http.StatusOK)
	}
	if !a.named && a.status == http.StatusOK {
		a.named, a.html = true, isHTML(http.DetectContentType(b))
	}
}

func isHTML(kind string) bool {
	return len(kind) >= len("text/html") && strings.EqualFold(kind[:len("text/html")], "text/html")
}
