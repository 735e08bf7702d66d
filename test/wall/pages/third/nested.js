(() => {
	const s = document.createElement("script");
	s.src = "{{range .Hosts}}{{.URL "nested-second.js"}}{{end}}";
	document.head.append(s);
	new Image().src = "{{.Never.URL "nested-never.png"}}";
})();
