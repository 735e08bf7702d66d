package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/avow-privacy/avow/client"
)

// MaxSmall is more than any receipt, key or part of a log has.
const MaxSmall = 2 << 20

// ReadSmall reads a file, up to MaxSmall bytes of it.
func ReadSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSmall))
}

// VerifierKey takes a key as it is, or the file that holds it.
func VerifierKey(given string) (string, error) {
	if given == "" || strings.Count(given, "+") >= 2 {
		return given, nil
	}
	text, err := ReadSmall(given)
	if err != nil {
		return "", fmt.Errorf("it is neither a log's key, which looks like harbour.example/log+1a2b3c4d+AZ…, nor a file with one: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// LogFetcher gets the parts of a log from a folder or over HTTP.
func LogFetcher(log string) func(path string) ([]byte, error) {
	if info, err := os.Stat(log); err == nil && info.IsDir() {
		return func(path string) ([]byte, error) { return ReadSmall(filepath.Join(log, filepath.FromSlash(path))) }
	}
	if !strings.Contains(log, "://") {
		log = "https://" + log
	}
	c, err := client.New(log)
	site, siteErr := client.New(strings.TrimSuffix(log, "/") + "/log")
	return func(path string) ([]byte, error) {
		if err := errors.Join(err, siteErr); err != nil {
			return nil, err
		}
		part, err := c.LogPart(context.Background(), path)
		if errors.Is(err, client.ErrNotFound) && c != site {
			// The address may be the site's, whose log is under /log.
			if part, err := site.LogPart(context.Background(), path); err == nil {
				c = site
				return part, nil
			}
		}
		return part, err
	}
}
