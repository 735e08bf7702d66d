package client

import (
	"context"
	"net/http"
	"strings"
)

// maxPart is twice what the largest part of a log that an avow writes can have:
// a bundle of 256 facts of 4 KiB.
const maxPart = 2 << 20

// LogPart fetches a part of the log, such as checkpoint or tile/0/000. The
// base of the client is then the address of the log itself. A part that is not
// there is ErrNotFound.
func (c *Client) LogPart(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/"+strings.TrimPrefix(path, "/"), nil)
	if err != nil {
		return nil, err
	}
	return c.do(req, maxPart)
}
