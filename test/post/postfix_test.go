// Package post tries avow's mail with mail programs of other makers: Postfix
// hands mail to it and takes letters from it, swaks drives the submission port.
package post

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// missing ends a test whose program is not there: in CI nothing is skipped.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("%v; run scripts/setup", err)
}

// A postfix is a Postfix of a test's own: its configuration, queue and ports have
// nothing to do with a mail server that this machine may have.
type postfix struct {
	Address string // where it takes mail
	dir     string
}

const masterFile = `%s inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`

const mainFile = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = mx.outside.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
smtp_dns_support_level = disabled
smtp_tls_security_level = %[2]s
alias_maps =
alias_database =
transport_maps = inline:{ %[3]s }
`

// startPostfix starts a Postfix at an address that hands on mail as routes say, such as
// "harbour.example = smtp:[127.0.0.1]:2525".
func startPostfix(t testing.TB, address, tls string, routes ...string) *postfix {
	t.Helper()
	path, err := exec.LookPath("postfix")
	if err != nil {
		path = "/usr/sbin/postfix"
	}
	owner, err2 := user.Lookup("postfix")
	if _, err := os.Stat(path); err != nil || err2 != nil {
		missing(t, errors.Join(err, err2))
	}
	if os.Getuid() != 0 {
		t.Skip("only root can start a Postfix, whose parts run as somebody else: run this test as root") // nothing that setup could install
	}
	dir, err := os.MkdirTemp("", "postfix") // t.TempDir is for its owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &postfix{Address: address, dir: dir}
	for i, r := range routes {
		routes[i] = "{ " + r + " }"
	}
	uid, _ := strconv.Atoi(owner.Uid)
	for _, err := range []error{os.Chmod(dir, 0o755), os.MkdirAll(dir+"/etc", 0o755), os.MkdirAll(dir+"/queue", 0o755), os.MkdirAll(dir+"/data", 0o700), os.Chown(dir+"/data", uid, -1),
		os.WriteFile(dir+"/etc/main.cf", fmt.Appendf(nil, mainFile, dir, tls, strings.Join(routes, ", ")), 0o644),
		os.WriteFile(dir+"/etc/master.cf", fmt.Appendf(nil, masterFile, p.Address), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-c", filepath.Join(dir, "etc"), "start-fg")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The script that was started waits for its master, which knows its own.
		if id, err := os.ReadFile(dir + "/queue/pid/master.pid"); err == nil {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(id))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			t.Logf("Postfix says:\n%s", log)
		}
	})
	waitFor(t, 20*time.Second, "Postfix to listen", func() bool {
		c, err := net.Dial("tcp", p.Address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return p
}

// free is an address that nobody listens on.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor waits until something is so, and says how long that took.
func waitFor(t testing.TB, most time.Duration, what string, so func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !so() {
		if time.Since(began) > most {
			t.Fatalf("waited %s for %s", most, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// swaks sends a letter as swaks does, and returns what was said and its exit
// status.
func swaks(t testing.TB, args ...string) (said string, status int) {
	t.Helper()
	path, err := exec.LookPath("swaks")
	if err != nil {
		missing(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // it asks for ever for what it was not told
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"--helo", "shop.example", "--timeout", "10"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // no .swaksrc of somebody's
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
