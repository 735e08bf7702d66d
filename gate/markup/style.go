package markup

import (
	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

// searched looks for hosts in the part of a raw text before end, if it is to be
// reported on, and returns how much of it may be passed on.
func (w *scanner) searched(end int) int {
	if !w.report {
		return end
	}
	w.seen = w.hosts(w.b[:end], max(0, w.seen), w.last || w.state == inData, tags.AtOther)
	return max(w.done, min(end, w.seen-values.LookBack))
}

// hosts tells of the hosts of absolute addresses in css, or JSON, from i on, and
// returns where to go on when there is more. All says that there will not be.
func (w *scanner) hosts(v []byte, i int, all bool, id tags.Attr) int {
	for {
		u, next, more := values.Host(v, i, all)
		if more {
			return next
		}
		if s := w.locate(u); !s.None {
			w.tell(w.found(id, s))
		}
		i = next
	}
}
