package scrub_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/avow-privacy/avow/scrub"
)

var mebibytes = flag.Int("mib", 32, "how many MiB of lines TestSpeed scrubs; 1024 is what the goals speak of")

// spent is the CPU time of a set of processes so far.
func spent(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestSpeed prints how many bytes a second of one core's time scrubs with every
// rule, beside what sed needs for the addresses alone and a regexp of Go for
// the same rules, and looks for what was planted.
func TestSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	const block = 16 << 20
	s := scrub.New(scrub.Rules{Query: []string{"page"}})
	var in, out bytes.Buffer
	var cpu time.Duration
	var size, planted, survived int64
	for i := range max(*mebibytes>>4, 1) {
		c := newCorpus(uint64(i))
		in.Reset()
		var plants [][]plant
		for in.Len() < block {
			in.Write(c.next())
			plants = append(plants, append([]plant(nil), c.planted...))
		}
		out.Reset()
		out.Grow(block)
		w := s.Writer(&out)
		runtime.GC() // the garbage of making the lines is no part of it
		before := spent(syscall.RUSAGE_SELF)
		_, _ = w.Write(in.Bytes())
		_ = w.Close()
		cpu += spent(syscall.RUSAGE_SELF) - before
		size += int64(in.Len())
		rest := out.Bytes()
		for _, of := range plants {
			end := bytes.IndexByte(rest, '\n') + 1
			for _, p := range of {
				planted++
				if bytes.Contains(rest[:end], []byte(p.raw)) || bytes.Contains(rest[:end], []byte(p.plain)) {
					survived++
				}
			}
			rest = rest[end:]
		}
		if len(rest) > 0 {
			t.Fatalf("lines were added or lost")
		}
	}
	ours := float64(size) / cpu.Seconds() / 1e9
	t.Logf("%.3f GB per CPU second on %d MB; %d planted, %d survived", ours, size/1e6, planted, survived)
	if survived > 0 {
		t.Errorf("%d planted values survived", survived)
	}
	if sed := sedSpeed(t, in.Bytes()); sed > 0 {
		t.Logf("%.4f sed -E, IPv4 addresses only: ratio %.1f", sed, ours/sed)
	}
	slow := regexpSpeed(in.Bytes()[:2<<20])
	t.Logf("%.4f regexp, same rules: ratio %.1f", slow, ours/slow)
}

func sedSpeed(t *testing.T, in []byte) float64 {
	sed, err := exec.LookPath("sed")
	if err != nil {
		return 0
	}
	name := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(name, in, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sed, "-E", `s/([0-9]+\.[0-9]+\.[0-9]+)\.[0-9]+/\1.0/g`, name)
	cmd.Env, cmd.Stdout = append(os.Environ(), "LC_ALL=C"), io.Discard
	before := spent(syscall.RUSAGE_CHILDREN)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return float64(len(in)) / (spent(syscall.RUSAGE_CHILDREN) - before).Seconds() / 1e9
}

// regexps are the rules of this package as one would write them first.
var regexps = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\b(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}\b`), "$1.0"},
	{regexp.MustCompile(`(?i)\b([0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}):[0-9a-f:]+`), "$1::"},
	{regexp.MustCompile(`^(\S+ \S+) [^-\[]\S* \[`), "$1 [user] ["},
	{regexp.MustCompile(`([?&;][^=&; "]+=)[^&; "]+`), "$1[…]"},
	{regexp.MustCompile(`"(https?://[^/"]+)[^"]*" "`), `"$1" "`},
	{regexp.MustCompile(`"[^"]*(Edg|Firefox|Chrome|Safari|curl|[bB]ot)[^"]*"$`), `"$1"`},
	{regexp.MustCompile(`[\w.+-]+(?:@|%(?:25)*40|\\x40|\\u0040)[\w-]+(?:(?:\.|%(?:25)*2[eE])[\w-]+)+`), "[e-mail]"},
	{regexp.MustCompile(`\b\d(?:(?:[ -]|%(?:25)*20|\\x20|\\u0020)?\d){12,18}\b`), "[card]"},
	{regexp.MustCompile(`(?:\+|%(?:25)*2[bB]|\\x2B|\\u002b|\b0)[1-9](?:[ ().-]|%(?:25)*(?:20|28|29)|\\x2[089])?(?:\d(?:[ ().-]|%(?:25)*(?:20|28|29)|\\x2[089])*){7,13}`), "[phone]"},
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "[jwt]"},
	{regexp.MustCompile(`(?i)(bearer|basic)[ +][\w.~+/-]{8,}`), "$1 [token]"},
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b[0-9a-f]{32,}\b`), "[secret]"},
}

func regexpSpeed(in []byte) float64 {
	before := spent(syscall.RUSAGE_SELF)
	for line := range bytes.Lines(in) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		for _, r := range regexps {
			line = r.re.ReplaceAll(line, []byte(r.by))
		}
	}
	return float64(len(in)) / (spent(syscall.RUSAGE_SELF) - before).Seconds() / 1e9
}

func BenchmarkLine(b *testing.B) {
	c, s := newCorpus(3), scrub.New(scrub.Rules{})
	in := c.block(1 << 20)
	w := s.Writer(io.Discard)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = w.Write(in)
	}
}
