addEventListener("DOMContentLoaded", () => {
	const add = (name, set) => document.body.append(Object.assign(document.createElement(name), set));
	{{range .Hosts}}
	add("script", {src: "{{.URL "inject-script.js"}}"});
	add("script", {type: "module", src: "{{.URL "inject-module.js"}}"});
	add("img", {src: "{{.URL "inject-img.png"}}"});
	add("iframe", {src: "{{.URL "inject-iframe.html"}}"});
	add("link", {rel: "stylesheet", href: "{{.URL "inject-style.css"}}"});
	add("object", {data: "{{.URL "inject-object.html"}}"});
	add("script", {text: "new Image().src = '{{.URL "inject-text.png"}}'"});
	new Image().src = "{{.URL "new-image.png"}}";
	{ const i = document.createElement("iframe"); document.body.append(i); i.contentWindow.location = "{{.URL "inject-location.html"}}"; }
	{{end}}
});
