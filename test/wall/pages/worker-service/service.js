{{range .Hosts}}try { importScripts("{{.URL "service-import.js"}}") } catch {}
{{end}}
addEventListener("install", e => { skipWaiting(); e.waitUntil(Promise.all([{{range .Hosts}}fetch("{{.URL "service-install.json"}}").catch(() => 0),{{end}}])) });
addEventListener("activate", e => e.waitUntil(clients.claim()));
addEventListener("fetch", e => {
	const k = new URL(e.request.url).searchParams.get("swap");
	{{range .Hosts}}if (k === "{{.Kind}}") e.respondWith(fetch("{{.URL "service-fetch.png"}}", {mode: "no-cors"}));
	{{end}}
});
