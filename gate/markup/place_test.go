package markup

import (
	"strings"
	"testing"
)

// TestPlace: head and body go in where a browser begins them, once.
func TestPlace(t *testing.T) {
	check(t, func() *Rules {
		r := rules()
		r.Fragment, r.Head, r.Body = false, []byte("[H]"), []byte("[B]")
		return r
	}, []row{
		{`<!doctype html><html><head><title>x</title></head><body class=x>y</body></html>`, `<!doctype html><html><head>[H]<title>x</title></head><body class=x>[B]y</body></html>`},
		{`<HTML><HEAD lang=x></HEAD> <BODY><p></BODY>`, `<HTML><HEAD lang=x>[H]</HEAD> <BODY>[B]<p></BODY>`},
		{`<!doctype html><title>x</title><p>y`, `<!doctype html>[H]<title>x</title>[B]<p>y`},
		{`<!-- <head> --><html> <body>x`, `<!-- <head> --><html> [H]<body>[B]x`},
		{`<head><script>"<body>"</script><style><body></style></head><body>`, `<head>[H]<script>"<body>"</script><style><body></style></head><body>[B]`},
		{`<head><noscript><img src=/x></noscript></head><body>`, `<head>[H]<noscript><img src=/x></noscript></head><body>[B]`},
		{`<head><template><p>x</template></head><body>`, `<head>[H]<template><p>x</template></head><body>[B]`},
		{`hello`, `[H][B]hello`},
		{"\ufeff  hello", "\ufeff  [H][B]hello"},
		{`<p>x</p><body>`, `[H][B]<p>x</p><body>`},
		{`<head></head>x<body>`, `<head>[H]</head>[B]x<body>`},
		{`<head><svg></svg></head><body>`, `<head>[H][B]<svg></svg></head><body>`},
		{`<html></head></body>`, `<html>[H]</head>[B]</body>`},
		{`<title>x</title>`, `[H]<title>x</title>[B]`},
		{`<head>< </head>`, `<head>[H][B]< </head>`},
		{`<html><frameset><frame src=/x></frameset></html>`, `<html>[H]<frameset><frame src=/x></frameset></html>`},
		{`<title>x</title></`, `[H]<title>x</title>[B]</`}, {`<title>x</title><`, `[H]<title>x</title>[B]<`}, {`<title>x</title><!-`, `[H]<title>x</title><!-`},
		{``, ``}, {` <!-- x --> `, ``},
	})
}

func TestLateBody(t *testing.T) {
	r := rules()
	r.Fragment = false
	policy := ""
	r.Policy = func(p []byte) { policy = string(p) }
	r.LateBody = func(dst []byte) []byte { return append(dst, policy...) }
	got := through(t, r, `<meta http-equiv=content-security-policy content=none><body>`, 1)
	if !strings.HasSuffix(got, "<body>none") {
		t.Error(got)
	}
}
