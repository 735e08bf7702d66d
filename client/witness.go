package client

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// maxCosignatures is many times what the signature lines of one witness take.
const maxCosignatures = 64 << 10

// A Witness cosigns checkpoints of logs, as c2sp.org/tlog-witness.
type Witness struct{ client *Client }

// NewWitness returns the witness at base, the address before /add-checkpoint.
func NewWitness(base string) (*Witness, error) {
	c, err := New(base)
	if err != nil {
		return nil, err
	}
	return &Witness{c}, nil
}

// A Conflict says that the witness has seen the log at another size than the
// request began from.
type Conflict struct{ Size int64 }

func (c *Conflict) Error() string {
	return fmt.Sprintf("the witness has seen the log at size %d", c.Size)
}

// Name is the address of the witness.
func (w *Witness) Name() string { return w.client.base }

// AddCheckpoint sends a request: an "old <size>" line, the lines of a
// consistency proof, an empty line and the checkpoint. The answer is one or
// more signature lines for the checkpoint. If the witness has seen another size
// the error is a *Conflict.
func (w *Witness) AddCheckpoint(ctx context.Context, request []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.client.base+"/add-checkpoint", bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, data, err := w.client.exchange(req, maxCosignatures)
	if resp == nil || resp.StatusCode != http.StatusConflict {
		return data, err
	}
	text := strings.TrimSuffix(string(data), "\n")
	size, bad := strconv.ParseInt(text, 10, 64)
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/x.tlog.size") || bad != nil || size < 0 || strconv.FormatInt(size, 10) != text {
		return nil, err
	}
	return nil, &Conflict{size}
}
