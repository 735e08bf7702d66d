{{range .Hosts}}export * from "{{.URL "import-static.js"}}";{{end}}
