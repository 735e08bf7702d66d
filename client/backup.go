package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Backup writes a backup of the house into out. However long that takes, ctx
// alone ends it. A backup that was cut off on the way does not end as one has
// to; avow restore, and the check of avow backup, refuse it.
func (c *Client) Backup(ctx context.Context, token string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/backup", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	patient := *c.http
	patient.Timeout = 0
	resp, err := patient.Do(req)
	if err != nil {
		return &brokenError{c.base, err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		if err != nil {
			return &brokenError{c.base, err}
		}
		return problem(resp, text)
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("backup: %w", &brokenError{c.base, err})
	}
	return nil
}
