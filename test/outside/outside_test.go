// Package outside holds the log and the receipts of an avow to verifiers that
// are none of ours. It is a module of its own, so that what they need does not
// become what avow needs, and it knows avow only as a program and by HTTP.
package outside

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// A demo is a running avow.
type demo struct {
	public string
	log    *client.HTTPFetcher
	origin string
	key    note.Verifier
}

// start builds avow, runs its demo and waits until it says where it listens.
func start(t *testing.T) *demo {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "avow")
	build := exec.Command("go", "build", "-o", program, "./cmd/avow")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build avow: %v\n%s", err, out)
	}
	run := exec.Command(program, "demo", "--listen", "127.0.0.1:0", "--private", "127.0.0.1:0",
		"--data", filepath.Join(dir, "data"), "--keys", "file:"+filepath.Join(dir, "keys"))
	run.Stderr = os.Stderr
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Process.Signal(os.Interrupt)
		run.Wait()
	})
	d := &demo{}
	public := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if address, ok := strings.CutPrefix(lines.Text(), "public "); ok {
				public <- address
			}
		}
	}()
	select {
	case d.public = <-public:
	case <-time.After(20 * time.Second):
		t.Fatal("avow demo does not say where it listens")
	}
	d.openLog(t)
	return d
}

func (d *demo) openLog(t *testing.T) {
	t.Helper()
	vkey := strings.TrimSpace(string(d.get(t, "/log/vkey")))
	var err error
	if d.key, err = note.NewVerifier(vkey); err != nil {
		t.Fatalf("key %q: %v", vkey, err)
	}
	d.origin = d.key.Name()
	address, err := url.Parse(d.public + "/log/")
	if err != nil {
		t.Fatal(err)
	}
	if d.log, err = client.NewHTTPFetcher(address, http.DefaultClient); err != nil {
		t.Fatal(err)
	}
}

func (d *demo) get(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := http.Get(d.public + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", path, resp.Status, err)
	}
	return body
}

// send sends the contact form and returns the receipt.
func (d *demo) send(t *testing.T, i int) []byte {
	t.Helper()
	form := url.Values{"name": {"Ada"}, "email": {fmt.Sprintf("ada%d@example.com", i%17)}, "message": {fmt.Sprint("hello ", i)}}
	req, err := http.NewRequest("POST", d.public+"/f/contact", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Receipt string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("send form: %s %v", resp.Status, err)
	}
	return []byte(answer.Receipt)
}

// leafOf recomputes the log entry that a receipt speaks of, as the package
// documentation of avow's receipt package describes it.
func leafOf(t *testing.T, extra []byte) []byte {
	t.Helper()
	var x struct{ K, Key, Payload string }
	if err := json.Unmarshal(extra, &x); err != nil {
		t.Fatal(err)
	}
	k, err := base64.StdEncoding.DecodeString(x.K)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, k)
	h.Write([]byte(x.Payload))
	entry := fmt.Sprintf(`{"c":"%s","k":"e","v":1}`, base64.StdEncoding.EncodeToString(h.Sum(nil)))
	return rfc6962.DefaultHasher.HashLeaf([]byte(entry))
}

func TestOutsideVerifiers(t *testing.T) {
	d, ctx := start(t), context.Background()

	// A log that fills a tile, with checkpoints seen on the way.
	var receipts [][]byte
	var seen [][]byte
	for i := range 300 {
		receipts = append(receipts, d.send(t, i))
		if i == 3 || i == 254 {
			seen = append(seen, d.get(t, "/log/checkpoint"))
		}
	}

	t.Run("tessera fsck", func(t *testing.T) {
		hashes := func(bundle []byte) ([][]byte, error) {
			b := api.EntryBundle{}
			err := b.UnmarshalText(bundle)
			var all [][]byte
			for _, e := range b.Entries {
				all = append(all, rfc6962.DefaultHasher.HashLeaf(e))
			}
			return all, err
		}
		if err := fsck.New(d.origin, d.key, d.log, hashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
			t.Error(err)
		}
	})

	head, _, _, err := client.FetchCheckpoint(ctx, d.log.ReadCheckpoint, d.key, d.origin)
	if err != nil {
		t.Fatal(err)
	}
	if head.Size < 301 { // the forms, and the statement's own entry
		t.Errorf("the log has %d entries", head.Size)
	}
	builder, err := client.NewProofBuilder(ctx, head.Size, d.log.ReadTile)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("receipts", func(t *testing.T) {
		for _, text := range receipts {
			var p tlogproof.TLogProof
			if err := p.Unmarshal(text); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(p.Marshal(), text) {
				t.Errorf("the receipt is written otherwise:\n%s\n%s", text, p.Marshal())
			}
			signed, _, _, err := log.ParseCheckpoint(p.Checkpoint, d.origin, d.key)
			if err != nil {
				t.Fatal(err)
			}
			var path [][]byte
			for _, h := range p.Hashes {
				path = append(path, h[:])
			}
			leaf := leafOf(t, p.ExtraData)
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, signed.Size, leaf, path, signed.Hash); err != nil {
				t.Errorf("receipt %d of %d: %v", p.Index, signed.Size, err)
			}
			// The same entry, proven from the tiles as they are now.
			now, err := builder.InclusionProof(ctx, p.Index)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, head.Size, leaf, now, head.Hash); err != nil {
				t.Errorf("entry %d of %d: %v", p.Index, head.Size, err)
			}
		}
	})

	t.Run("consistency", func(t *testing.T) {
		for _, old := range seen {
			before, _, _, err := log.ParseCheckpoint(old, d.origin, d.key)
			if err != nil {
				t.Fatal(err)
			}
			path, err := builder.ConsistencyProof(ctx, before.Size, head.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, before.Size, head.Size, path, before.Hash, head.Hash); err != nil {
				t.Errorf("%d to %d: %v", before.Size, head.Size, err)
			}
		}
	})
}
