//go:build linux

package faults_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
)

// faults are what is done to a disk, from a flipped bit to another's copy of the
// whole. Those that begin with "log" are for the write-ahead log.
var faults = []fault{
	{"bit flipped", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	})},
	{"byte changed", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		b[r.IntN(len(b))] += byte(1 + r.IntN(255))
		return b
	})},
	{"sector zeroed", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		clear(part(b, 512, r))
		return b
	})},
	{"sector of rubbish", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		for i, s := 0, part(b, 512, r); i < len(s); i++ {
			s[i] = byte(r.Uint32())
		}
		return b
	})},
	{"page zeroed", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		clear(part(b, pageSize, r))
		return b
	})},
	{"page lost", onFile(mainFile, lostPages(1, pageSize))},
	{"half a page lost", onFile(mainFile, lostPages(1, pageSize/2))},
	{"sector lost", onFile(mainFile, lostPages(1, 512))},
	{"several pages lost", onFile(mainFile, lostPages(8, pageSize))},
	{"page written elsewhere", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		copy(part(b, pageSize, r), bytes.Clone(part(b, pageSize, r)))
		return b
	})},
	{"pages swapped", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte {
		one, other := part(b, pageSize, r), part(b, pageSize, r)
		kept := bytes.Clone(one)
		copy(one, other)
		copy(other, kept)
		return b
	})},
	{"file cut", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte { return b[:r.IntN(len(b))] })},
	{"file cut at a page", onFile(mainFile, func(b, _ []byte, r *rand.Rand) []byte { return b[:r.IntN(len(b)/pageSize)*pageSize] })},
	{"file gone", func(s scene, r *rand.Rand) disk { return with(s.now, mainFile, nil) }},
	{"file rolled back", func(s scene, r *rand.Rand) disk { return with(s.now, mainFile, s.old[mainFile]) }},
	{"folder rolled back", func(s scene, r *rand.Rand) disk {
		return with(with(s.now, mainFile, s.old[mainFile]), walFile, s.old[walFile])
	}},
	{"high-water file gone", func(s scene, r *rand.Rand) disk { return with(s.now, "keys/high-water", nil) }},
	{"high-water file damaged", onFile("keys/high-water", func(b, _ []byte, r *rand.Rand) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	})},
	{"log gone", func(s scene, r *rand.Rand) disk { return with(s.now, walFile, nil) }},
	{"log rolled back", func(s scene, r *rand.Rand) disk { return with(s.now, walFile, s.old[walFile]) }},
	{"log cut", onFile(walFile, func(b, _ []byte, r *rand.Rand) []byte { return b[:r.IntN(len(b))] })},
	{"log bit flipped", onFile(walFile, func(b, _ []byte, r *rand.Rand) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	})},
	{"log sector zeroed", onFile(walFile, func(b, _ []byte, r *rand.Rand) []byte {
		clear(part(b, 512, r))
		return b
	})},
	{"rows swapped", onRows(swaps)},
	{"rows changed", onRows(changes)},
	{"rows deleted", onRows(deletions)},
	{"rows invented", onRows(inventions)},
}

// onFile makes a fault of a change to one file.
func onFile(name string, change func(now, old []byte, r *rand.Rand) []byte) func(scene, *rand.Rand) disk {
	return func(s scene, r *rand.Rand) disk {
		after := change(bytes.Clone(s.now[name]), s.old[name], r)
		if bytes.Equal(after, s.now[name]) {
			return nil
		}
		return with(s.now, name, after)
	}
}

// with is the disk with one file in place of another.
func with(d disk, name string, data []byte) disk {
	d = maps.Clone(d)
	d[name] = data
	return d
}

// part is one of the parts of b that are n bytes long.
func part(b []byte, n int, r *rand.Rand) []byte {
	at := r.IntN(len(b)/n) * n
	return b[at : at+n]
}

// lostPages takes back n of the writes since the older copy: there a page, or
// the first bytes of one, is as it was.
func lostPages(n, width int) func(now, old []byte, r *rand.Rand) []byte {
	return func(now, old []byte, r *rand.Rand) []byte {
		var written []int
		for at := 0; at+width <= min(len(now), len(old)); at += pageSize {
			if !bytes.Equal(now[at:at+width], old[at:at+width]) {
				written = append(written, at)
			}
		}
		for range min(n, len(written)) {
			at := written[r.IntN(len(written))]
			copy(now[at:at+width], old[at:])
		}
		return now
	}
}
