package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/statement"
)

// There is a script for each code that a diagnostic can have.
func TestCheckScripts(t *testing.T) {
	for _, c := range statement.Codes() {
		if _, err := os.Stat("testdata/script/check-" + c.Name + ".txtar"); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckExample(t *testing.T) {
	example := "../../examples/harbour/statement.md"
	var out, errs bytes.Buffer
	if status := Main([]string{"check", example}, World{Stdout: &out, Stderr: &errs}); status != world.Done || errs.Len() > 0 {
		t.Fatalf("status %d: %s%s", status, &out, &errs)
	}
	if !strings.HasPrefix(out.String(), "ok: ") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("said %q", &out)
	}
}

// The SARIF has what the standard requires and code hosts show.
func TestCheckSARIF(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "my statement.md")
	if err := os.WriteFile(name, []byte("---\nstatement: 1\n---\n# P\n\nÄra. We will.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if status := Main([]string{"check", "--sarif", name}, World{Stdout: &out, Stderr: &out}); status != world.Wrong {
		t.Fatalf("status %d: %s", status, &out)
	}
	var log struct {
		Version string
		Runs    []struct {
			ColumnKind string
			Tool       struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID   string
						Help struct{ Text, Markdown string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	last := run.Results[len(run.Results)-1]
	if log.Version != "2.1.0" || run.ColumnKind != "unicodeCodePoints" || run.Tool.Driver.Name != "avow" || last.Level != "error" {
		t.Errorf("%+v", log)
	}
	at := last.Locations[0].PhysicalLocation
	if last.RuleID != "unbound-promise" || at.Region.StartLine != 6 || at.Region.StartColumn != 6 || at.Region.EndColumn != 13 || !strings.HasSuffix(at.ArtifactLocation.URI, "my%20statement.md") {
		t.Errorf("%+v", last)
	}
	for _, r := range run.Results {
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; rule.ID != r.RuleID || rule.Help.Text == "" || r.Message.Text == "" {
			t.Errorf("%+v: %+v", r, rule)
		}
	}
}

func TestCheckStatus(t *testing.T) {
	for args, want := range map[string]int{
		"check":                         world.Usage,
		"check --json --sarif -":        world.Usage,
		"check --nonsense -":            world.Usage,
		"check /nowhere/statement.md":   world.Wrong,
		"check .":                       world.Wrong,
		"check -":                       world.Wrong,
		"check --help":                  world.Done,
		"check testdata/script/no such": world.Wrong,
	} {
		var out bytes.Buffer
		if got := Main(strings.Fields(args), World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}); got != want || out.Len() == 0 {
			t.Errorf("avow %s: status %d, want %d\n%s", args, got, want, &out)
		}
	}
}
