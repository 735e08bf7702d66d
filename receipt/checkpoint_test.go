package receipt

import (
	"encoding/base64"
	"fmt"
	"testing"
)

// TestHugeLog: the arithmetic of the tree ends at 2^62 entries. A checkpoint
// that claims more is refused, and does not keep anybody busy for ever.
func TestHugeLog(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for size, good := range map[uint64]bool{1: true, 1 << 62: true, 1<<62 + 1: false, 1<<63 - 1: false, 1 << 63: false} {
		if _, err := parseCheckpoint(fmt.Sprintf("a.example/log\n%d\n%s\n", size, root)); (err == nil) != good {
			t.Errorf("size %d: %v", size, err)
		}
	}
}
