package stops

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// BenchmarkStop is a click, 64 at a time: with the journal, and as it would be
// without one.
func BenchmarkStop(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		h := begin(b, cfg)
		var n atomic.Int64
		digest := func() (d [32]byte) {
			for i, v := 0, n.Add(1); v > 0; i, v = i+1, v>>8 {
				d[i] = byte(v)
			}
			return d
		}
		b.Run("with", func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h.stop(digest(), "news", Click)
				}
			})
		})
		b.Run("without", func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h.must(h.db.Commit(context.Background(), func(tx *store.Tx) error {
						if err := h.change(context.Background(), tx, digest(), "news", func(w *word) { w.stop(5, 5, 0, Click) }); err != nil {
							return err
						}
						_, err := h.note(context.Background(), tx, "stopped", "optout.address", map[string]any{"scope": "news", "how": "click"})
						return err
					}))
				}
			})
		})
	})
}

// BenchmarkMay is what each letter pays.
func BenchmarkMay(b *testing.B) {
	storetest.Bench(b, func(b *testing.B, cfg store.Config) {
		h := begin(b, cfg)
		ada := h.of("ada@example.com")
		h.stop(ada, All, Page)
		news := h.edition.Purpose("news")
		h.must(h.db.View(context.Background(), func(tx *store.Tx) error {
			b.ReportAllocs()
			for b.Loop() {
				if why, err := h.May(context.Background(), tx, h.edition, nil, ada, news); err != nil || why != "stopped" {
					b.Fatal(why, err)
				}
			}
			return nil
		}))
	})
}
