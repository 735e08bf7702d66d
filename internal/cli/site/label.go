package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/sections/links"
)

// maxPage is the largest HTML file that is labelled.
const maxPage = 64 << 20

// A labelling goes over the files of a folder.
type labelling struct {
	links.Labeller
	from, to *os.Root // to is from, unless it goes elsewhere
	check    bool

	files, links int
	changed      []string
	hosts        map[string]int
}

func (c *Links) label(w *world.World) (err error) {
	l := labelling{check: c.Check, hosts: map[string]int{}}
	language := "en"
	if c.Statement != "" {
		s, err := readStatement(w, c.Statement)
		if err != nil {
			return err
		}
		language = s.Language
		for _, site := range s.Organisation.Site {
			if u, err := url.Parse(site); err == nil {
				l.Ours = append(l.Ours, strings.ToLower(u.Host))
			}
		}
	}
	l.Label, l.Say = labelIn(language)
	l.Say = " (" + l.Say + ")"
	if l.from, err = os.OpenRoot(c.Label); err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer l.from.Close()
	l.to = l.from
	if c.Out != "" {
		if err := apart(c.Label, c.Out); err != nil {
			return err
		}
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return fmt.Errorf("make the folder: %w", err)
		}
		if l.to, err = os.OpenRoot(c.Out); err != nil {
			return fmt.Errorf("open the folder: %w", err)
		}
		defer l.to.Close()
	}
	if err := l.all(); err != nil {
		return err
	}
	return c.sayLabels(w.Stdout, &l)
}

// apart refuses a place in a folder that is read, which may have yet to be made:
// what is written there would be read the next time.
func apart(folder, place string) error {
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return err
	}
	there := place
	for _, err := os.Stat(there); errors.Is(err, fs.ErrNotExist) && there != filepath.Dir(there); _, err = os.Stat(there) {
		there = filepath.Dir(there)
	}
	if within, err := inside(folder, there); err != nil || within {
		return errors.Join(err, fmt.Errorf("%s lies in %s, which is read: choose another place with --out", place, folder))
	}
	return nil
}

// inside says whether a folder is another or lies in it, whatever they are
// called.
func inside(folder, other string) (bool, error) {
	of, err := os.Stat(folder)
	for err == nil {
		var at os.FileInfo
		if at, err = os.Stat(other); err != nil || os.SameFile(of, at) {
			return err == nil, err
		}
		above := other + "/.."
		var up os.FileInfo
		if up, err = os.Stat(above); err != nil || os.SameFile(at, up) {
			return false, err
		}
		other = above
	}
	return false, err
}

// all goes over every file. Links of the file system are not followed: they may
// lead out of the folder.
func (l *labelling) all() error {
	return fs.WalkDir(l.from.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("read %s: %w", name, err)
		case d.IsDir() && l.to != l.from:
			return l.to.MkdirAll(name, 0o755)
		case !d.Type().IsRegular():
			return nil
		case isPage(name):
			return l.file(name)
		case l.to != l.from:
			return l.copy(name)
		}
		return nil
	})
}

func isPage(name string) bool {
	kind := strings.ToLower(path.Ext(name))
	return kind == ".html" || kind == ".htm" || kind == ".xhtml"
}

// file labels one file.
func (l *labelling) file(name string) error {
	f, err := l.from.Open(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if info.Size() > maxPage {
		return fmt.Errorf("%s is larger than %d MiB: is it a page?", name, maxPage>>20)
	}
	in, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	out, hosts, err := l.Page(in)
	if err != nil {
		return fmt.Errorf("label %s: %w", name, err)
	}
	l.files++
	for host, n := range hosts {
		l.hosts[host] += n
		l.links += n
	}
	if !bytes.Equal(in, out) {
		l.changed = append(l.changed, name)
	}
	if l.check || l.to == l.from && bytes.Equal(in, out) {
		return nil
	}
	return l.write(name, info.Mode().Perm(), bytes.NewReader(out))
}

// copy takes a file that is no page along.
func (l *labelling) copy(name string) error {
	f, err := l.from.Open(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return l.write(name, info.Mode().Perm(), f)
}

// write puts a file in place as a whole: who reads it meanwhile has the old one.
func (l *labelling) write(name string, mode fs.FileMode, from io.Reader) (err error) {
	part := name + ".avow-part"
	_ = l.to.Remove(part) // of a run that was cut off
	f, err := l.to.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o200)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = io.Copy(f, from)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = l.to.Rename(part, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, l.to.Remove(part)))
	}
	return nil
}

func (c *Links) sayLabels(out io.Writer, l *labelling) error {
	var failed error
	if l.check && len(l.changed) > 0 {
		failed = world.ErrFound
	}
	if c.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return errors.Join(enc.Encode(struct {
			Version int            `json:"version"`
			Files   int            `json:"files"`
			Links   int            `json:"links"`
			Changed []string       `json:"changed"`
			Hosts   map[string]int `json:"hosts"`
		}{1, l.files, l.links, append([]string{}, l.changed...), l.hosts}), failed)
	}
	did := "labelled"
	if l.check {
		did = "not labelled"
	}
	for _, name := range l.changed {
		fmt.Fprintf(out, "%s: %s\n", did, world.Printable(name))
	}
	for _, host := range slices.Sorted(maps.Keys(l.hosts)) {
		fmt.Fprintf(out, "%s  %s\n", world.Printable(host), world.Count(l.hosts[host], "link"))
	}
	fmt.Fprintf(out, "%s, %s to %s; %s %s\n", world.Count(l.files, "page"), world.Count(l.links, "link"), world.Count(len(l.hosts), "other site"),
		world.Count(len(l.changed), "page"), did)
	return failed
}
