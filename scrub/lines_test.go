package scrub_test

import (
	"testing"

	"github.com/avow-privacy/avow/scrub"
)

var lines = []struct{ name, in, want string }{
	{"nginx combined", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5.0"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "curl other"`},
	{"common", `2001:db8:85a3::8a2e:370:7334 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326`,
		`2001:db8:85a3:: - [user] [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326`},
	{"user with spaces", `203.0.113.7 - Ada Love [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 401 -`,
		`203.0.113.0 - [user] [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 401 -`},
	{"vhost_combined", `harbour.example:443 203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET /?a=1 HTTP/1.1" 200 5 "https://x.example/a?b=c" "Mozilla/5.0 (Windows NT 10.0) Firefox/132.0"`,
		`harbour.example:443 203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET /?a=[…] HTTP/1.1" 200 5 "https://x.example" "Firefox Windows"`},
	{"nginx main", `10.0.0.9 - - [24/Nov/2026:10:00:00 +0000] "POST /a HTTP/2.0" 201 0 "-" "-" "203.0.113.7, 198.51.100.4"`,
		`10.0.0.0 - - [24/Nov/2026:10:00:00 +0000] "POST /a HTTP/2.0" 201 0 "-" "-" "203.0.113.0, 198.51.100.0"`},
	{"Traefik CLF", `203.0.113.7 - ada [24/Nov/2026:10:00:00 +0000] "GET /whoami HTTP/1.1" 200 415 "-" "-" 1 "whoami@docker" "http://172.18.0.3:80" 0ms`,
		`203.0.113.0 - [user] [24/Nov/2026:10:00:00 +0000] "GET /whoami HTTP/1.1" 200 415 "-" "-" 1 "whoami@docker" "http://172.18.0.0:80" 0ms`},
	{"further fields", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" rt=0.004 uct="0.001" ua="Mozilla/5.0 (iPhone) Version/18 Safari/604"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" rt=0.004 uct="0.001" ua="Safari iOS"`},
	{"host name", `dsl-7.provider.example - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5`,
		`[host] - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5`},
	{"quotation marks", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET /\"x HTTP/1.1" 200 5 "https://x.example/\"a" "Mozilla/5.0 \"x\" Firefox"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET /\"x HTTP/1.1" 200 5 "https://x.example" "Firefox other"`},
	{"no request", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "\x16\x03\x01" 400 150 "-" "-"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "\x16\x03\x01" 400 150 "-" "-"`},
	{"whole target", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET http://ada:pw@x.example/a?b HTTP/1.1" 400 -`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET http://x.example/a?[…] HTTP/1.1" 400 -`},
	{"session in the path", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET /a;jsessionid=AB12/b?utm_source=x&utm=y HTTP/1.1" 200 1`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET /a;jsessionid=[…]/b?utm_source=x&utm=[…] HTTP/1.1" 200 1`},
	{"address as referrer", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "http://ada@198.51.100.7:8080/x" "-"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "http://198.51.100.0:8080" "-"`},
	{"mapped", `::ffff:203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1`},
	{"zone, brackets, port", `[fe80::1%eth0]:1234 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1`,
		`fe80:: - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1`},
	{"nginx escape=json", `{"time":"2026-11-24T10:00:00+00:00","remote_addr":"203.0.113.7","remote_user":"ada","request":"GET /?q=x HTTP/1.1","status":200,"http_referer":"https://x.example/y","http_user_agent":"curl/8","request_time":"0.004"}`,
		`{"time":"2026-11-24T10:00:00+00:00","remote_addr":"203.0.113.0","remote_user":"[user]","request":"GET /?q=[…] HTTP/1.1","status":200,"http_referer":"https://x.example","http_user_agent":"curl other","request_time":"0.004"}`},
	{"Caddy", `{"level":"info","ts":1764000000.123456,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"51234","client_ip":"203.0.113.7","proto":"HTTP/2.0","method":"GET","host":"harbour.example","uri":"/a?b=c","headers":{"User-Agent":["curl/8.5.0"],"Cookie":["REDACTED"],"Referer":["https://x.example/y"],"X-Forwarded-For":["198.51.100.7"]}},"bytes_read":0,"user_id":"ada","duration":0.000412345,"size":12,"status":200}`,
		`{"level":"info","ts":1764000000,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.0","remote_port":"-","client_ip":"203.0.113.0","proto":"HTTP/2.0","method":"GET","host":"harbour.example","uri":"/a?b=[…]","headers":{"User-Agent":["curl other"],"Cookie":["REDACTED"],"Referer":["https://x.example"],"X-Forwarded-For":["198.51.100.0"]}},"bytes_read":0,"user_id":"[user]","duration":0.000412345,"size":12,"status":200}`},
	{"Traefik JSON", `{"ClientAddr":"203.0.113.7:51234","ClientHost":"203.0.113.7","ClientPort":"51234","ClientUsername":"-","DownstreamStatus":200,"Duration":1204567,"RequestAddr":"harbour.example","RequestMethod":"GET","RequestPath":"/a?b=c","ServiceURL":"http://172.18.0.3:80","StartUTC":"2026-11-24T10:00:00.123456789Z","request_User-Agent":"curl/8","request_Referer":"https://x.example/y"}`,
		`{"ClientAddr":"203.0.113.0","ClientHost":"203.0.113.0","ClientPort":"-","ClientUsername":"-","DownstreamStatus":200,"Duration":1204567,"RequestAddr":"harbour.example","RequestMethod":"GET","RequestPath":"/a?b=[…]","ServiceURL":"http://172.18.0.0:80","StartUTC":"2026-11-24T10:00:00Z","request_User-Agent":"curl other","request_Referer":"https://x.example"}`},
	{"number in JSON", `{"a":4111111111111111,"b":[1,"ada\u0040example.com"]}`, `{"a":"[card]","b":[1,"[e-mail]"]}`},
	{"no format", `2026-11-24 10:00:00 [error] 7#7: *1 client: 203.0.113.7, request: "GET /?m=ada%2540example%252ecom", token=abc123`,
		`2026-11-24 10:00:00 [error] 7#7: *1 client: 203.0.113.0, request: "GET /?m=[e-mail]", token=[secret]`},
	{"authorization", `Authorization: Bearer abc.DEF-123 and basic YWRhOnB3ZA== but bearer authentication`,
		`Authorization: Bearer [token] and basic [token] but bearer authentication`},
	{"escapes", `ada\x40example.com ada\u0040example.com ada%2540example.com ada%40Example%2eCom %61da@example.com 4111%201111%201111%201111 +44%2020%207946%200958`,
		`[e-mail] [e-mail] [e-mail] [e-mail] [e-mail] [card] [phone]`},
	{"file of a person", `/avatars/ada@example.com.png /img/logo@2x.png /npm/vue@3.4.21/dist/vue.global.js`,
		`/avatars/[e-mail] /img/logo@2x.png /npm/vue@3.4.21/dist/vue.global.js`},
	{"secrets", `AKIAIOSFODNN7EXAMPLE ghp_16C7e42F292c6912E7710c838347Ae178B4a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 0123456789abcdef0123456789abcdef`,
		`[secret] [secret] [jwt] [secret]`},
	{"cookies behind", `203.0.113.7 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" "sid=abcdef0123; user=ada; theme=" "rt=0.1" "rt=0.1, ut=0.2"`,
		`203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl other" "[secret]" "rt=0.1" "rt=0.1, ut=0.2"`},
	{"secrets of few digits", `/reset/aymCpytlhUHDkcSFxfThQV_2sZx6OSDpMKDXSVVNsDfv_BAavNyHVPxQ_Ns0ofYt2A /r/yMIBxgNsIazeY2EuenGiIF_UUUZVJ_OUZ2N5SL-HtXpKGBk_VSMPMOhyKRjcSOaMkw`,
		`/reset/[secret] /r/[secret]`},
	{"phones", `+1-212-555-0123 (212) 555-0123 212.555.0123 020 7946 0958 07700 900123 06.12.34.56.78 030/1234567 0044 20 7946 0958 +49(171)2345678`,
		`[phone] [phone] [phone] [phone] [phone] [phone] [phone] [phone] [phone]`},
}

func TestLines(t *testing.T) {
	for _, l := range lines {
		t.Run(l.name, func(t *testing.T) {
			if got := line(scrub.Rules{Query: []string{"utm_*"}}, l.in); got != l.want {
				t.Errorf("got  %s\nwant %s", got, l.want)
			}
			if got := line(scrub.Rules{Query: []string{"utm_*"}}, l.want); got != l.want {
				t.Errorf("again %s\nwant  %s", got, l.want)
			}
		})
	}
}

// TestHarmless holds what only looks like something personal: it stays.
func TestHarmless(t *testing.T) {
	for _, s := range []string{
		"2026-11-24 10:00:00,123 INFO started in 1764000000123 ms, 1764000000 s",
		"2026-11-24T10:00:00.123456789Z level=info", "24/11/2026 12:30:01", "01/02/2026 12:30", "01-02-2026 10:20:30 +1000 1234567",
		"v1.2.3.4 and Chrome/131.0.6778.86", "release 10.15.7", "std::vector<int>", "aa:bb:cc:dd:ee:ff",
		"200 512 1024", "200 5123 0.012 0.011 0.010", "0.4111111111111111", "rt=0.004 urt=0.003,0.001",
		"/static/app.3f2a9b1c0d4e5f60718293a4b5c6d7e8.js", "123e4567-e89b-12d3-a456-426614174000", "/blog/2026/11/24/how-2-sail",
		"size=1234567890", "pid 12345: 1234567 of 7654321 bytes", "ISBN 978-3-16-148410-0", "react@latest", "/blog/How-To-Be-Or-Not-To-Be-In-10-Or-20-Easy-Steps", "GET /a HTTP/1.1",
		"user 12345678 order 2026112400017", "127.0.0.0", "2001:db8::", "basic auth required", "no card: 4111111111111112, 4111 1111 1111 1112, 9999999999999995", "uses HTTP Basic Authentication.", "started getty@tty1.service", "D-TRUST_BR_Root_CA_1_2020", "TestH12_HeadContentLengthNoBody", "1.5e+10 1e+100", "max-age=31536000",
		"goroutine 1234 [running]: main.go:1234 +0x1d4", "[10:00:00] 50% of 4096", "10.000.000 and 1,000,000,000",
	} {
		if found := scrub.Find([]byte(s)); len(found) > 0 {
			t.Errorf("%v in %s: %s", found, s, scrub.New(scrub.Rules{}).Text(nil, []byte(s)))
		}
	}
}
