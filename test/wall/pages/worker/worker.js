{{range .Hosts}}
fetch("{{.URL "worker-fetch.json"}}").catch(() => 0);
{ const x = new XMLHttpRequest(); x.open("GET", "{{.URL "worker-xhr.json"}}"); x.send(); }
try { new WebSocket("{{.Socket "worker-websocket.txt"}}") } catch {}
try { new EventSource("{{.URL "worker-eventsource.events"}}").onmessage = e => e.target.close() } catch {}
try { importScripts("{{.URL "worker-import.js"}}") } catch {}
{{end}}
new Worker("/worker/inner.js");
