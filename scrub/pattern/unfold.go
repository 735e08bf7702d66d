package pattern

// unfold undoes the escapes of b into f.flat: %40, %2540, \x40, \u0040, and
// those within each other, since what one program escapes the next one escapes
// again. The last of f.from is the end of b.
func (f *Finder) unfold(b []byte) {
	f.flat, f.from = f.flat[:0], f.from[:0]
	for i, c := range b {
		f.flat, f.from = append(f.flat, c), append(f.from, int32(i))
		for f.fold() {
		}
	}
	f.from = append(f.from, int32(len(b)))
}

// fold undoes the escape that f.flat ends with, if it does. What comes of it
// may be the end of another.
func (f *Finder) fold() bool {
	t := f.flat
	n := len(t)
	switch {
	case n >= 3 && t[n-3] == '%' && hex(t[n-1]) >= 0 && hex(t[n-2]) >= 0:
		return f.become(3, byte(hex(t[n-2])<<4|hex(t[n-1])))
	case n >= 4 && t[n-4] == '\\' && t[n-3] == 'x' && hex(t[n-1]) >= 0 && hex(t[n-2]) >= 0:
		return f.become(4, byte(hex(t[n-2])<<4|hex(t[n-1])))
	case n >= 6 && t[n-6] == '\\' && t[n-5] == 'u' && hex(t[n-1]) >= 0 && hex(t[n-2]) >= 0 && hex(t[n-3]) >= 0 && hex(t[n-4]) >= 0:
		if t[n-4] != '0' || t[n-3] != '0' {
			return f.become(6, 0xff) // a letter, whichever
		}
		return f.become(6, byte(hex(t[n-2])<<4|hex(t[n-1])))
	case n >= 2 && t[n-2] == '\\':
		switch t[n-1] {
		case '\\', '/', '"', '\'':
			return f.become(2, t[n-1])
		case 'n', 't', 'r', 'b', 'f', 'v':
			return f.become(2, '\n')
		}
	}
	return false
}

func (f *Finder) become(n int, c byte) bool {
	f.flat, f.from = f.flat[:len(f.flat)-n+1], f.from[:len(f.from)-n+1]
	f.flat[len(f.flat)-1] = c
	return true
}
