package changes

import (
	"path/filepath"
	"testing"

	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Who read the history before the last version came, and is slower than who read
// it after, does not take the version back.
func TestSlowerReader(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := seal.Create("file:"+dir, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := ledger.Open(t.Context(), db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high-water")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &Section{Deps: Deps{Store: db, Ledger: l}}
	s.rows, s.editions = make([]edition, 1), make([]*statement.Edition, 1) // by who read after
	if err := s.load(t.Context()); err != nil || len(s.rows) != 1 {
		t.Errorf("%d versions are known (%v)", len(s.rows), err)
	}
}
