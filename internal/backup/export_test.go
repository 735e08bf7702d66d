package backup

import (
	"bytes"
	"compress/gzip"
)

// Tables are the columns of all tables, by name.
func Tables() map[string][]string {
	all := map[string][]string{}
	for _, t := range tables {
		for i, c := range t.columns {
			all[t.name] = append(all[t.name], c+" "+map[byte]string{intValue: "integer", textValue: "text", bytesValue: "bytes"}[t.kinds[i]])
		}
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
