{{range .Hosts}}fetch("{{.URL "worker-kept.json"}}", {cache: "no-store"}).catch(() => 0);{{end}}
