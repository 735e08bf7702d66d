package cookies

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// counts are what was counted today and yesterday.
type counts struct {
	at            time.Time
	cookies       int64
	leaks         int64
	parts, let    int64 // those that were stopped, and those that were only watched
	yes, no, some int64
}

// Evidence shows that the wall of the statement lets through no cookie and no
// host that was not declared and chosen, by building it, and what came against it.
// What was stopped is no broken promise.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (all []avow.Evidence, err error) {
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	m := s.make(now)
	c, err := s.counted(ctx)
	if err != nil {
		return nil, err
	}
	var cookies, trackers []avow.ClauseID
	for i := range now.Cookies {
		cookies = append(cookies, now.Keeper("cookies."+now.Cookies[i].Name))
	}
	for i := range now.Trackers {
		trackers = append(trackers, now.Keeper("trackers."+now.Trackers[i].Host))
	}
	for _, clause := range once(cookies) {
		all = append(all, s.cookieEvidence(m, clause, c))
	}
	for _, clause := range once(trackers) {
		all = append(all, s.trackerEvidence(m, clause, c))
	}
	return all, nil
}

func once(clauses []avow.ClauseID) []avow.ClauseID {
	slices.Sort(clauses)
	return slices.DeleteFunc(slices.Compact(clauses), func(c avow.ClauseID) bool { return c == "" })
}

func (s *Section) counted(ctx context.Context) (c counts, err error) {
	return c, s.Store.View(ctx, func(tx *store.Tx) error {
		c.at = tx.Now
		since := tx.Now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
		err := tx.Each(ctx, q.Violations, func(scan func(...any) error) error {
			var kind, how string
			var n int64
			if err := scan(&kind, &how, &n); err != nil {
				return err
			}
			switch {
			case kind == string(wall.CookieSet):
				c.cookies += n
			case kind == string(wall.Leak):
				c.leaks += n
			case kind == string(wall.ThirdParty) && strings.HasSuffix(how, watched):
				c.let += n
			case kind == string(wall.ThirdParty):
				c.parts += n
			}
			return nil
		}, since)
		if err != nil {
			return err
		}
		return tx.Each(ctx, q.Choices, func(scan func(...any) error) error {
			var what string
			var n int64
			if err := scan(&what, &n); err != nil {
				return err
			}
			*map[string]*int64{"yes": &c.yes, "no": &c.no, "some": &c.some}[what] += n
			return nil
		}, since)
	})
}

func (s *Section) cookieEvidence(m *made, clause avow.ClauseID, c counts) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept, At: c.at,
		Says:    "Just now, the gate was offered a cookie that is not in the table, and each that waits for a yes, and let none of them pass.",
		Figures: []avow.Figure{{Name: "cookies stopped today and yesterday that are not in the table or were not chosen", Value: strconv.FormatInt(c.cookies, 10)}}}
	switch fault := m.tryCookies(); {
	case fault != "":
		e.Standing, e.Says = avow.Broken, fault
	case s.Stance == Absent:
		e.Standing, e.Says, e.Figures = avow.Untested, "No gate stands before the site, so nobody knows which cookies its pages set.", nil
	case s.Stance == Observing:
		e.Standing, e.Says = avow.Untested, "The gate only watches at the moment and stops nothing."
		e.Figures[0].Name = "cookies seen today and yesterday that are not in the table or were not chosen"
	}
	return e
}

// tryCookies says what is wrong with the cookies that the wall lets pass.
func (m *made) tryCookies() string {
	if declared, allowed := m.wall.Cookie("a-cookie-nobody-declared", m.offers.All()); declared || allowed {
		return "The gate lets a cookie pass that is not in the table."
	}
	for _, o := range m.offers {
		for _, name := range o.Cookies {
			if _, allowed := m.wall.Cookie(name, 0); allowed {
				return fmt.Sprintf("The gate lets the cookie %q pass before anybody said yes.", name)
			}
		}
	}
	return ""
}

func (s *Section) trackerEvidence(m *made, clause avow.ClauseID, c counts) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept, At: c.at,
		Says: "Just now, the policy that goes with a page before any choice was built, and names no host that waits for a yes. No and yes were compared: " +
			"they are the same button.",
		Figures: []avow.Figure{{Name: "no, today and yesterday", Value: strconv.FormatInt(c.no, 10)}, {Name: "yes", Value: strconv.FormatInt(c.yes, 10)},
			{Name: "yes to some", Value: strconv.FormatInt(c.some, 10)}, {Name: "parts stopped, today and yesterday", Value: strconv.FormatInt(c.parts, 10)}}}
	fault := m.tryParts()
	if fault == "" {
		fault = m.tryButtons()
	}
	switch {
	case fault != "":
		e.Standing, e.Says = avow.Broken, fault
	case s.Stance == Absent:
		e.Standing, e.Says = avow.Untested, "No gate stands before the site, so nobody knows what its pages load."
		e.Figures = e.Figures[:3]
	case s.Stance == Observing && c.let > 0:
		e.Standing, e.Says = avow.Broken, "The gate only watches at the moment, and pages had parts that the statement does not allow."
		e.Figures[3] = avow.Figure{Name: "parts that were not stopped, today and yesterday", Value: strconv.FormatInt(c.let, 10)}
	case s.Stance == Observing:
		e.Standing, e.Says = avow.Untested, "The gate only watches at the moment. Since yesterday no page had a part that the statement does not allow, as far as was seen."
		e.Figures = e.Figures[:3]
	}
	return e
}

// tryParts says what is wrong with the policy before any choice.
func (m *made) tryParts() string {
	headers := m.wall.Headers(0)
	var text strings.Builder
	for _, h := range headers {
		text.WriteString(h.Name + ": " + strings.Join(h.Values, ", ") + "\n")
	}
	if !strings.Contains(text.String(), "Content-Security-Policy") {
		return "There is no policy that would keep parts from elsewhere out."
	}
	for _, o := range m.offers {
		for _, host := range o.Hosts {
			if !o.OptOut && names(text.String(), host) {
				return fmt.Sprintf("The policy before any choice lets %s through.", host)
			}
		}
	}
	return ""
}

// names says whether a policy names a host, and not only a longer one that ends
// or begins with it.
func names(policy, host string) bool {
	inName := func(c byte) bool { return c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }
	for at := 0; ; {
		i := strings.Index(policy[at:], host)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(host)
		if (begin == 0 || !inName(policy[begin-1])) && (end == len(policy) || !inName(policy[end])) {
			return true
		}
		at = end
	}
}

// tryButtons says what is wrong with the question.
func (m *made) tryButtons() string {
	if len(m.offers) == 0 {
		return ""
	}
	body := m.bar.Body(choice.Decision{Ask: true}, "/", false, bar.Style{})
	no, yes := []byte(`<button name="choice" value="no">`), []byte(`<button name="choice" value="yes">`)
	if bytes.Count(body, no) != 1 || bytes.Count(body, yes) != 1 {
		return "No and yes are not the same button."
	}
	return ""
}

// Leaks counts the addresses that led to another site, and carried something
// about a visitor, today and yesterday.
func (s *Section) Leaks(ctx context.Context) (int64, error) {
	if err := s.Flush(ctx); err != nil {
		return 0, err
	}
	c, err := s.counted(ctx)
	return c.leaks, err
}
