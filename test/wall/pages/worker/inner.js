{{range .Hosts}}fetch("{{.URL "worker-inner.json"}}").catch(() => 0);{{end}}
