package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLoad(t *testing.T) {
	type pair struct{ A, B string }
	got := Load[pair]("-- All of it.\n\n-- name: A\nSELECT 1 -- one\n\n-- name: B\nSELECT\n  2\n")
	if diff := cmp.Diff(pair{"SELECT 1 -- one", "SELECT\n  2"}, got); diff != "" {
		t.Error(diff)
	}
	for name, sql := range map[string]string{
		"missing": "-- name: A\nSELECT 1",
		"unused":  "-- name: A\nSELECT 1\n-- name: B\nSELECT 2\n-- name: C\nSELECT 3",
		"twice":   "-- name: A\nSELECT 1\n-- name: B\nSELECT 2\n-- name: A\nSELECT 3",
		"empty":   "-- name: A\n-- name: B\nSELECT 2",
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: loaded", name)
				}
			}()
			Load[pair](sql)
		}()
	}
}
