{{range .Hosts}}import "{{.URL "worklet-import.js"}}";{{end}}
