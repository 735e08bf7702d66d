package api

import (
	"bytes"
	"testing"
)

// TestBodyIsCleared: what was read does not stay in the buffer, read well or not.
func TestBodyIsCleared(t *testing.T) {
	for _, body := range []string{`{"a": "ada@example.com"}`, `{"a": "ada@example.com", "b": 1}`, `{"a": "ada@example.com"`} {
		data := []byte(body)
		var v struct {
			A string `json:"a"`
		}
		_ = unmarshal(data, &v)
		if !bytes.Equal(data, make([]byte, len(data))) {
			t.Errorf("the buffer still has %q", data)
		}
	}
}
