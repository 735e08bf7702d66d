package scrub_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/avow-privacy/avow/scrub"
)

func ExampleScrubber_Line() {
	s := scrub.New(scrub.Rules{Query: []string{"page"}})
	line := []byte(`203.0.113.7 - ada [24/Nov/2026:10:00:00 +0000] "GET /find?q=sextant&page=2 HTTP/1.1" 200 512 ` +
		`"https://search.example/?q=ada" "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"`)
	fmt.Printf("%s\n", s.Line(nil, line))
	// Output:
	// 203.0.113.0 - [user] [24/Nov/2026:10:00:00 +0000] "GET /find?q=[…]&page=2 HTTP/1.1" 200 512 "https://search.example" "Firefox Linux"
}

func ExampleScrubber_Text() {
	s := scrub.New(scrub.Rules{})
	fmt.Printf("%s\n", s.Text(nil, []byte("sent to ada%40example.com from 2001:db8:1:2::7, paid with 4111 1111 1111 1111")))
	// Output:
	// sent to [e-mail] from 2001:db8:1::, paid with [card]
}

func ExampleScrubber_Writer() {
	s := scrub.New(scrub.Rules{})
	w := s.Writer(os.Stdout)
	defer w.Close()
	_, _ = io.WriteString(w, "worker: could not reach ada@exam")
	_, _ = io.WriteString(w, "ple.com\n")
	// Output:
	// worker: could not reach [e-mail]
}

func ExampleScrubber_Handler() {
	plain := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(scrub.New(scrub.Rules{}).Handler(plain))
	log.Error("no answer for ada@example.com", "err", fmt.Errorf("dial 203.0.113.7:25: refused"), "password", "tide")
	// Output:
	// level=ERROR msg="no answer for [e-mail]" err="dial 203.0.113.0:25: refused" password=[secret]
}

func ExampleFind() {
	fmt.Println(scrub.Find([]byte("call +44 20 7946 0958 or write to ada@example.com")))
	// Output:
	// [phone e-mail]
}
