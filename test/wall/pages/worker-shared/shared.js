{{range .Hosts}}
fetch("{{.URL "shared-fetch.json"}}").catch(() => 0);
try { importScripts("{{.URL "shared-import.js"}}") } catch {}
{{end}}
