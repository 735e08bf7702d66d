package browser

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestVerifyAgrees asks the verifier of the page, under node, about everything
// that the Go package was asked about: the verdicts have to be the same.
func TestVerifyAgrees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is missing: run scripts/setup")
	}
	cases := verifyCases(t)
	raw, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for _, c := range cases {
		if c.OK {
			accepted++
		}
	}
	t.Logf("%d texts, of which Go accepts %d", len(cases), accepted)
	cmd := exec.Command(node, "--test", "--test-reporter=spec", "verify.test.mjs")
	cmd.Env = append(cmd.Environ(), "AVOW_CASES="+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
