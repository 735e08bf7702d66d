package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// A call is one request, complete enough to be sent again.
type call struct {
	method, path, token, kind string
	body                      []byte
}

type keyOf struct{}

// WithKey makes the change that is asked for under ctx one that is done once,
// however often it is sent: the server remembers the key for a day and answers
// a repetition as it answered the first time. A key is chosen by the caller,
// anew for each change, in 8 to 255 printable characters. Only with a key does
// a method send a change again after a connection broke.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

// tries is how often a change with a key is sent, and pause how long is waited
// before the second time.
const tries, pause = 4, 100 * time.Millisecond

// ask sends v as JSON and reads the answer into out.
func (c *Client) ask(ctx context.Context, method, path, token string, v, out any) error {
	k := call{method: method, path: path, token: token}
	if v != nil {
		body, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		k.kind, k.body = "application/json", body
	}
	return c.send(ctx, k, out)
}

// send sends k, again if that is safe and could help.
func (c *Client) send(ctx context.Context, k call, out any) error {
	key, _ := ctx.Value(keyOf{}).(string)
	for n := 1; ; n++ {
		data, wait, err := c.once(ctx, k, key)
		if err == nil {
			return c.read(data, out)
		}
		again := key != "" || k.method == http.MethodGet
		if n == tries || !again || !transient(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(max(wait, pause<<(n-1))):
		case <-ctx.Done():
			return err
		}
	}
}

// transient says whether err may be gone the next time: the connection broke,
// or the server is not ready.
func transient(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable
	}
	var broken *brokenError
	return errors.As(err, &broken)
}

// A brokenError is a connection that did not carry the request, or not the
// answer.
type brokenError struct {
	base  string
	cause error
}

func (e *brokenError) Error() string { return fmt.Sprintf("ask %s: %v", e.base, e.cause) }
func (e *brokenError) Unwrap() error { return e.cause }

// once sends k one time. It also says how long the server asked to wait.
func (c *Client) once(ctx context.Context, k call, key string) (data []byte, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, k.method, c.base+k.path, bytes.NewReader(k.body))
	if err != nil {
		return nil, 0, err
	}
	if k.token != "" {
		req.Header.Set("Authorization", "Bearer "+k.token)
	}
	if k.kind != "" {
		req.Header.Set("Content-Type", k.kind)
	}
	if key != "" && k.method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, data, err := c.exchange(req, maxReply)
	if resp != nil {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		wait = min(time.Duration(seconds)*time.Second, maxWait)
	}
	return data, wait, err
}

// maxWait is the longest that a server can make a client wait.
const maxWait = 10 * time.Second

// do sends a request and reads the reply, up to limit bytes of it.
func (c *Client) do(req *http.Request, limit int64) ([]byte, error) {
	_, data, err := c.exchange(req, limit)
	return data, err
}

func (c *Client) exchange(req *http.Request, limit int64) (*http.Response, []byte, error) {
	req.Header.Set("Accept", "application/json, application/problem+json, application/octet-stream, text/plain")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, &brokenError{c.base, err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return resp, nil, &brokenError{c.base, err}
	}
	if int64(len(data)) > limit {
		return resp, nil, fmt.Errorf("ask %s: the answer is longer than %d bytes", c.base, limit)
	}
	if resp.StatusCode/100 != 2 {
		return resp, data, problem(resp, data)
	}
	return resp, data, nil
}

// read puts an answer into out, and has its receipt checked.
func (c *Client) read(data []byte, out any) error {
	if out == nil {
		return nil
	}
	if text, ok := out.(*string); ok {
		*text = string(data)
		return c.check(*text)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s answered what this client cannot read: is it an avow of another version?", c.base)
	}
	if proven, ok := out.(interface{ proof() string }); ok {
		return c.check(proven.proof())
	}
	return nil
}

func (c *Client) check(receipt string) error {
	if c.Check == nil || receipt == "" {
		return nil
	}
	if err := c.Check(receipt); err != nil {
		return fmt.Errorf("the receipt of %s does not hold: %w", c.base, err)
	}
	return nil
}
