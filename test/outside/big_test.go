package outside

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	formatsnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// The long form, of 100,000 entries on each engine, takes minutes.
var entries = flag.Int("entries", 2000, "how large a log TestLarge makes on each engine")

// A program is one of avow's that runs.
type program struct {
	said map[string]string // by first word, as far as it was asked for
	stop func()
}

// run starts avow with these arguments, and waits until it has said lines that
// begin with these words.
func run(t *testing.T, avow string, words []string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(avow, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	p := &program{map[string]string{}, func() {
		if !stopped {
			stopped = true
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
		}
	}}
	t.Cleanup(p.stop)
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			word, rest, _ := strings.Cut(lines.Text(), " ")
			if len(p.said) == len(words) {
				continue
			}
			for _, w := range words {
				if w == word {
					p.said[word] = rest
				}
			}
			if len(p.said) == len(words) {
				ready <- true
			}
		}
	}()
	select {
	case <-ready:
		return p
	case <-time.After(time.Minute):
		t.Fatalf("avow %s does not say %v", args[0], words)
		return nil
	}
}

func build(t *testing.T) string {
	t.Helper()
	avow := filepath.Join(t.TempDir(), "avow")
	cmd := exec.Command("go", "build", "-o", avow, "./cmd/avow")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build avow: %v\n%s", err, out)
	}
	return avow
}

// postgres starts a server for this test and returns the address of its
// database.
func postgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		t.Fatal("PostgreSQL is missing: run scripts/setup")
	}
	bin := found[len(found)-1]
	dir, err := os.MkdirTemp("", "avow-pg-")
	if err != nil {
		t.Fatal(err)
	}
	as := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		who, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(who.Uid)
		gid, _ := strconv.Atoi(who.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.SysProcAttr, cmd.Dir = as, dir
		return cmd
	}
	if out, err := command("initdb", "-D", "data", "-U", "avow", "-A", "trust", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := command("postgres", "-D", "data", "-k", dir, "-h", "")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(os.Interrupt)
		server.Wait()
		os.RemoveAll(dir)
	})
	for range 200 {
		if command("createdb", "-h", dir, "-U", "avow", "house").Run() == nil {
			return "postgres:///house?host=" + url.QueryEscape(dir) + "&user=avow"
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("PostgreSQL does not start")
	return ""
}

// A house is a running avow with its own data.
type house struct {
	*program
	demo
	token string
}

func serve(t *testing.T, avow, dir string, more ...string) *house {
	t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--keys", "file:" + filepath.Join(dir, "keys"),
		"--statement", filepath.Join("..", "..", "examples", "harbour", "statement.md")}, more...)
	h := &house{program: run(t, avow, []string{"public", "private"}, args...)}
	h.public = h.said["public"]
	h.openLog(t)
	token, err := os.ReadFile(filepath.Join(dir, "keys", "token"))
	if err != nil {
		t.Fatal(err)
	}
	h.token = strings.TrimSpace(string(token))
	return h
}

// collect hands over n forms at once, at most 1,000.
func (h *house) collect(t *testing.T, from, n int) {
	t.Helper()
	var operations []any
	for i := range n {
		operations = append(operations, map[string]any{"do": "collect", "collection": "contact",
			"values": map[string]string{"name": "Ada", "email": fmt.Sprintf("ada%d@example.com", from+i), "message": "hello"}})
	}
	body, err := json.Marshal(map[string]any{"operations": operations})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", h.said["private"]+"/v1/batch", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Results []struct{ Status int } }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Results) != n {
		t.Fatalf("batch: %s %v", resp.Status, err)
	}
	for _, r := range answer.Results {
		if r.Status != http.StatusCreated {
			t.Fatalf("batch: one of the forms was answered %d", r.Status)
		}
	}
}

// Other people's programs read the whole of a large log, on each engine, and
// find it cosigned by an avow that witnesses it.
func TestLarge(t *testing.T) {
	avow := build(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			var more []string
			if engine == "postgres" {
				more = []string{"--db", postgres(t)}
			}
			h := serve(t, avow, dir, more...)
			vkey := strings.TrimSpace(string(h.get(t, "/log/vkey")))
			h.stop()
			w := witnessed(t, avow, vkey)
			h = serve(t, avow, dir, append(more, "--witness", w.url.String()+"="+w.key)...)
			begin := time.Now()
			for done := 0; done < *entries; done += 1000 {
				h.collect(t, done, min(1000, *entries-done))
			}
			t.Logf("%d entries in %v", *entries, time.Since(begin).Round(time.Millisecond))
			head, raw, _, err := client.FetchCheckpoint(ctx, h.log.ReadCheckpoint, h.key, h.origin)
			for range 100 { // it may be some seconds behind, to carry cosignatures
				if err != nil || head.Size > uint64(*entries) {
					break
				}
				time.Sleep(100 * time.Millisecond)
				head, raw, _, err = client.FetchCheckpoint(ctx, h.log.ReadCheckpoint, h.key, h.origin)
			}
			if err != nil || head.Size <= uint64(*entries) {
				t.Errorf("%d entries: %v", head.Size, err)
			}
			hashes := func(bundle []byte) ([][]byte, error) {
				b := api.EntryBundle{}
				err := b.UnmarshalText(bundle)
				var all [][]byte
				for _, e := range b.Entries {
					all = append(all, rfc6962.DefaultHasher.HashLeaf(e))
				}
				return all, err
			}
			if err := fsck.New(h.origin, h.key, h.log, hashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
				t.Error(err)
			}
			for range 300 {
				if _, _, _, err = log.ParseCheckpoint(raw, h.origin, h.key, w.verifier); err == nil && w.group.Satisfied(raw) {
					return
				}
				time.Sleep(100 * time.Millisecond)
				raw = h.get(t, "/log/checkpoint")
			}
			t.Errorf("the checkpoint is not cosigned: %v\n%s", err, raw)
		})
	}
}

// A watcher is an avow that witnesses a log.
type watcher struct {
	url      *url.URL
	key      string
	verifier note.Verifier
	group    tessera.WitnessGroup
}

func witnessed(t *testing.T, avow, vkey string) *watcher {
	t.Helper()
	dir := t.TempDir()
	p := run(t, avow, []string{"witness", "key"}, "witness", "--name", "witness.example/avow", "--log", vkey, "--listen", "127.0.0.1:0",
		"--data", filepath.Join(dir, "data"), "--keys", "file:"+filepath.Join(dir, "keys"))
	w := &watcher{key: p.said["key"]}
	var err error
	if w.url, err = url.Parse(p.said["witness"]); err != nil {
		t.Fatal(err)
	}
	if w.verifier, err = formatsnote.NewVerifierForCosignatureV1(w.key); err != nil {
		t.Fatalf("%q: %v", w.key, err)
	}
	one, err := tessera.NewWitness(w.key, w.url)
	if err != nil {
		t.Fatal(err)
	}
	w.group = tessera.NewWitnessGroup(1, one)
	return w
}

// A log that is none of ours gets its checkpoints cosigned by an avow.
func TestWitnessOfOthers(t *testing.T) {
	avow, ctx := build(t), t.Context()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := note.NewEd25519VerifierKey("tessera.example/log", public)
	if err != nil {
		t.Fatal(err)
	}
	skey := "PRIVATE+KEY+tessera.example/log+" + strings.Split(vkey, "+")[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	w := witnessed(t, avow, vkey)
	driver, err := posix.New(ctx, posix.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).WithBatching(1, 10*time.Millisecond).WithWitnesses(w.group, nil))
	if err != nil {
		t.Fatal(err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	for i := range 5 {
		_, raw, err := await.Await(ctx, appender.Add(ctx, tessera.NewEntry(fmt.Append(nil, "entry ", i))))
		if err != nil {
			t.Fatal(err)
		}
		if !w.group.Satisfied(raw) {
			t.Errorf("not cosigned:\n%s", raw)
		}
	}
	if err := shutdown(ctx); err != nil {
		t.Error(err)
	}
}
