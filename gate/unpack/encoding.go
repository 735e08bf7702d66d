package unpack

import (
	"net/http"
	"strings"
)

// Encoding is how an answer is encoded, "" for not at all.
func Encoding(h http.Header) string {
	switch e := strings.ToLower(strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))); e {
	case "identity":
		return ""
	case "x-gzip":
		return "gzip"
	default:
		return e
	}
}

// Reads says whether a Decoder reads an encoding, or there is nothing to decode.
func Reads(encoding string) bool {
	return encoding == "" || encoding == "gzip" || encoding == "deflate"
}

// AcceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func AcceptsGzip(lines []string) bool {
	any := false
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(one, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
			no := strings.HasPrefix(weight, "q=0") && strings.Trim(weight[2:], "0.") == ""
			switch name {
			case "gzip", "x-gzip":
				return !no
			case "*":
				any = !no
			}
		}
	}
	return any
}
