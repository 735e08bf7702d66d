package store_test

import (
	"context"
	"testing"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		db, err := store.Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for range 3 {
			err = db.Commit(ctx, func(tx *store.Tx) error {
				return tx.Do(ctx, "INSERT INTO form_tally (form, outcome, n) VALUES ($1, $2, $3) ON CONFLICT (form, outcome) DO UPDATE SET n = form_tally.n + 1", "f", "o", 1)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1", &n, "f") }); err != nil || n != 3 {
			t.Fatal(n, err)
		}
	})
}
