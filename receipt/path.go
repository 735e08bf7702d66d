package receipt

import (
	"fmt"
	"strconv"
	"strings"
)

// tileWidth is how many hashes or entries a full tile holds.
const tileWidth = 256

// Entries is the level of the tiles that hold entries instead of hashes.
const Entries = -1

// A Tile names a part of a log, as c2sp.org/tlog-tiles does: the Width first
// hashes of level Level from N*256 on, or as many entries.
type Tile struct {
	Level int // 0 to 63, or Entries
	N     int64
	Width int // 1 to 256
}

// Path is where the tile is served.
func (t Tile) Path() string {
	level := "entries"
	if t.Level != Entries {
		level = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.N%1000)
	for rest := t.N / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	path := "tile/" + level + "/" + n
	if t.Width != tileWidth {
		path += fmt.Sprintf(".p/%d", t.Width)
	}
	return path
}

// ParseTile reads what Path wrote, and nothing else.
func ParseTile(path string) (t Tile, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || len(parts) > 10 || parts[0] != "tile" {
		return t, false
	}
	t.Width = tileWidth
	if name, partial := strings.CutSuffix(parts[len(parts)-2], ".p"); partial {
		width, ok := parseNumber(parts[len(parts)-1])
		if !ok || width < 1 || width >= tileWidth {
			return t, false
		}
		t.Width = int(width)
		parts[len(parts)-2] = name
		parts = parts[:len(parts)-1]
	}
	if parts[1] == "entries" {
		t.Level = Entries
	} else if level, ok := parseNumber(parts[1]); ok && level < 64 {
		t.Level = int(level)
	} else {
		return t, false
	}
	for _, part := range parts[2:] {
		n, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 10)
		if err != nil || n > 999 || t.N > 1<<50 {
			return t, false
		}
		t.N = t.N*1000 + int64(n)
	}
	return t, t.N < 1<<54 && t.Path() == path
}
