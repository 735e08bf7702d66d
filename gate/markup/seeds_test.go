package markup

// seeds are pages and pieces that once mattered, or might.
func seeds() []string {
	s := []string{
		`<!doctype html><html><head><title>x</title></head><body><p>hello <a href="https://bad.example">x</a></p></body></html>`,
		"<svg><style><img src=//bad.example></style>",
		"<svg></p><style><img src=//bad.example></style><img src=//bad.example>",
		"<svg><foreignObject><p></foreignObject><style><img src=//bad.example></style>",
		"<noscript><a title=\"</noscript><img src=//bad.example>\">",
		"<noscript><!-- </noscript><img src=//bad.example> -->",
		"<noscript><style></noscript><img src=//bad.example></style>",
		"<select><style><input type=image src=//bad.example></style>",
		"<template><col><style></template><img src=//bad.example></style>",
		"<script><!--<script></script><img src=//bad.example>--></script><img src=//bad.example>",
		"<script><!--<script></script></script><img src=//bad.example>",
		"<svg><![CDATA[<!--]]><image href=//bad.example /><!---->",
		"<![CDATA[><img src=//bad.example>]]>",
		"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=//bad.example&gt;\">",
		"<img src=&#104;ttps&colon;//bad.example>",
		"<img src='h\nttps:\\\\bad.example'>",
		"<img\x00src=//bad.example><img src\x00=//bad.example>",
		"<img/src=//bad.example/x='>'>",
		"<!--><img src=//bad.example>-->",
		"<!-- --!><img src=//bad.example>-->",
		"<!---!><img src=//bad.example>-->",
		"<textarea></textareax><img src=//bad.example></textarea>",
		"<iframe srcdoc=\"&lt;img src=//bad.example&gt;\"></iframe>",
		"<base href=//bad.example><img src=x>",
		"<a href=https:bad.example>x</a><a href=http:bad.example>y</a>",
	}
	return append(s, found...)
}

// found are inputs on which the fuzzer once got through.
var found = []string{
	"<base href=//bad.example/></",
	"<noscript></noscript<object data=//bad.example>",
	"0<noscript><body><iframe srcdoc=\"<img src=//bad.example>\"></caption></caption></noscript</iframe></caption></caption>",
}
