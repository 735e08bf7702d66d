{{range .Hosts}}fetch("{{.URL "worker-etag.json"}}", {cache: "no-store"}).catch(() => 0);{{end}}
