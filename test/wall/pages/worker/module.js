{{range .Hosts}}import("{{.URL "worker-module.js"}}").catch(() => 0);{{end}}
