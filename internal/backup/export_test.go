package backup

import (
	"bytes"
	"compress/gzip"
)

// Tables are the columns of all tables, by name.
func Tables() map[string][]string {
	all := map[string][]string{}
	for _, t := range tables {
		all[t.name] = t.columns
	}
	return all
}

// Zip makes a file of frames.
func Zip(frames []byte) []byte {
	var out bytes.Buffer
	out.WriteString(magic)
	zip := gzip.NewWriter(&out)
	_, _ = zip.Write(frames)
	_ = zip.Close()
	return out.Bytes()
}
