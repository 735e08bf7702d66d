package revision

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow"
)

// A direction says what it means that a part of a rule differs.
type direction func(before, after []string) (Class, string)

// directions has an entry for every part of every rule, by the rule's first
// word and the part's name; a rule that is one word has its path.
var directions = map[string]direction{
	"organisation.name":    unclear("somebody else may be promising"),
	"organisation.site":    unclear("it covers other sites"),
	"organisation.contact": unclear("the address for questions moved"),

	"data.category": category,
	"data.say":      unclear("it is called something else"),
	"data.type":     unclear("something else is asked for"),
	"data.choices":  set(Wider, "more answers to choose from", "fewer answers to choose from"),
	"data.max":      number(Wider, "more fits in", "less fits in"),
	"data.index":    scale("can be looked up", "can no longer be looked up", "", "exact"),
	"data.store":    scale("kept itself, not a token", "only a token is kept", "token", "sealed"),

	"purposes.say":     unclear("it is used for something else"),
	"purposes.basis":   best("opt-in", "asked for first", "no longer asked for first", "it rests on something else"),
	"purposes.at-most": unclear("people are contacted more or less often"),
	"purposes.channel": best("", "nobody is contacted any more", "people are contacted", "people are contacted another way"),

	"collect.say":    unclear("it is called something else"),
	"collect.by":     unclear("it is collected another way"),
	"collect.fields": asked,
	"collect.for":    set(Wider, "more uses", "fewer uses"),
	"collect.keep":   period(Wider, "kept longer", "kept for a shorter time"),

	"cookies.for":       unclear("it is set for something else"),
	"cookies.keep":      period(Wider, "stays longer", "stays for a shorter time"),
	"cookies.necessary": scale("can no longer be refused", "can be refused", "false", "true"),
	"cookies.consent":   consent,

	"trackers.for":     unclear("it is loaded for something else"),
	"trackers.consent": consent,

	"recipients.say":      unclear("somebody else may be meant"),
	"recipients.fields":   set(Wider, "more is given away", "less is given away"),
	"recipients.for":      set(Wider, "more uses", "fewer uses"),
	"recipients.contract": present("bound by contract", "no longer bound by contract", "another contract"),
	"recipients.until":    until,
	"recipients.optout":   present("can be stopped there", "can no longer be stopped there", "to be stopped elsewhere"),

	"children.under":   number(Narrower, "more protected", "fewer protected"),
	"children.methods": set(Wider, "more ways to consent", "fewer ways to consent"),
	"children.freeze":  period(Wider, "slower", "faster"),
	"children.erase":   period(Wider, "slower", "faster"),

	"disclosure.grounds":   set(Wider, "more grounds to disclose", "fewer grounds to disclose"),
	"disclosure.notice":    scale("people are no longer told", "people are told", "after", "none"),
	"disclosure.approvers": number(Narrower, "more must agree", "fewer must agree"),

	"optout.address":   unclear("the address to write to moved"),
	"optout.within":    period(Wider, "slower", "faster"),
	"optout.confirm":   scale("addresses are no longer confirmed first", "addresses are confirmed first", "by-mail", ""),
	"optout.stays":     unclear("they stay stopped another way"),
	"optout.topics":    scale("topics can no longer be chosen one by one", "topics can be chosen one by one", "each", ""),
	"optout.elsewhere": scale("it is no longer listed where to stop others", "it is listed where to stop others", "listed", ""),
	"sharing.canaries": number(Narrower, "more invented people go along", "fewer invented people go along"),
	"sharing.tell":     period(Wider, "recipients are told later", "recipients are told sooner"),
	"signals.gpc":      scale("no longer honoured", "honoured", "honour", ""),
	"popular.keep":     period(Wider, "kept longer", "kept for a shorter time"),
	"links.label":      unclear("it is labelled another way"),
	"links.register":   unclear("it is listed another way"),
	"links.leaks":      unclear("something else may be carried"),
	"questions.answer": period(Wider, "slower", "faster"),

	"popular.hide-under": number(Narrower, "more small numbers are hidden", "fewer small numbers are hidden"),

	"security.keys":     unclear("keys are kept another way"),
	"security.log":      unclear("the log is kept another way"),
	"security.restore":  scale("a backup may bring back who was erased", "a backup brings nobody back", "forgets", ""),
	"security.staff":    often,
	"security.drills":   often,
	"changes.date":      unclear("it is dated another way"),
	"changes.history":   unclear("history is kept another way"),
	"changes.pinned":    scale("wider rules reach what was given before", "wider rules no longer reach what was given before", "true", "false"),
	"changes.notice":    period(Narrower, "announced earlier", "announced later"),
	"acceptance.notice": unclear("it is recorded another way"),
	"receipts.form":     unclear("receipts are given another way"),
}

// A presence says what it means that a rule is there.
type presence struct {
	Class
	came, went string
}

// presences has an entry for every first word of a rule's path.
var presences = map[string]presence{
	"data":       {Wider, "a new kind of information", "a kind of information less"},
	"purposes":   {Wider, "a new use", "a use gone"},
	"collect":    {Wider, "more is collected", "less is collected"},
	"cookies":    {Wider, "a new cookie", "a cookie gone"},
	"trackers":   {Wider, "more is loaded from elsewhere", "less is loaded from elsewhere"},
	"recipients": {Wider, "more recipients", "fewer recipients"},
	"disclosure": {Wider, "it may be disclosed without notice before", "it may not be disclosed without notice before"},
	"popular":    {Wider, "visits are counted", "visits are not counted"},

	"never":      {Narrower, "a new promise", "a promise gone"},
	"children":   {Narrower, "children are protected", "children are no longer protected"},
	"sharing":    {Narrower, "a new promise", "a promise gone"},
	"optout":     {Narrower, "letters can be stopped", "letters can no longer be stopped"},
	"signals":    {Narrower, "signals are honoured", "signals are no longer honoured"},
	"links":      {Narrower, "a new promise", "a promise gone"},
	"security":   {Narrower, "a new promise", "a promise gone"},
	"changes":    {Narrower, "a new promise", "a promise gone"},
	"acceptance": {Narrower, "a new promise", "a promise gone"},
	"questions":  {Narrower, "a new promise", "a promise gone"},
	"receipts":   {Narrower, "a new promise", "a promise gone"},
}

var (
	consent = scale("asked less", "asked more", "opt-in", "opt-out", "none")
	often   = scale("less often", "more often", "weekly", "monthly", "quarterly", "half-yearly", "yearly")
)

// unclear is the direction of words that only a reader can weigh.
func unclear(reason string) direction {
	return func(_, _ []string) (Class, string) { return Wider, reason }
}

// opposite is the class of the change the other way.
func opposite(c Class) Class {
	if c == Wider {
		return Narrower
	}
	return Wider
}

// set is the direction of a list: more of it is of class more.
func set(more Class, gained, lost string) direction {
	return func(before, after []string) (Class, string) {
		var classes []Class
		var reasons []string
		for _, each := range []struct {
			items []string
			what  string
			Class
			reason string
		}{{without(after, before), "added", more, gained}, {without(before, after), "removed", opposite(more), lost}} {
			if len(each.items) > 0 {
				classes = append(classes, each.Class)
				reasons = append(reasons, fmt.Sprintf("%s %s: %s", strings.Join(each.items, ", "), each.what, each.reason))
			}
		}
		return sum(classes), strings.Join(reasons, "; ")
	}
}

// without returns what is in a and not in b.
func without(a, b []string) (out []string) {
	for _, item := range a {
		if !slices.Contains(b, item) {
			out = append(out, item)
		}
	}
	return out
}

// asked is the direction of the fields of a collection, "email!" if required.
func asked(before, after []string) (Class, string) {
	var classes []Class
	var reasons []string
	note := func(class Class, format, field string) {
		classes, reasons = append(classes, class), append(reasons, fmt.Sprintf(format, field))
	}
	for _, f := range without(after, before) {
		name, required := strings.CutSuffix(f, "!")
		switch {
		case required && slices.Contains(before, name):
			note(Wider, "%s now required", name)
		case !required && slices.Contains(before, name+"!"):
			note(Narrower, "%s no longer required", name)
		default:
			note(Wider, "%s added: more is asked", name)
		}
	}
	for _, f := range without(before, after) {
		name := strings.TrimSuffix(f, "!")
		if !slices.Contains(after, name) && !slices.Contains(after, name+"!") {
			note(Narrower, "%s removed: less is asked", name)
		}
	}
	return sum(classes), strings.Join(reasons, "; ")
}

// period is the direction of a length of time: longer is of class longer. The
// session of a browser is shorter than any.
func period(longer Class, more, less string) direction {
	return func(before, after []string) (Class, string) {
		a, okA := length(before)
		b, okB := length(after)
		switch {
		case !okA || !okB:
			return Wider, "cannot be compared"
		case a.Longer(b):
			return opposite(longer), less
		case b.Longer(a):
			return longer, more
		}
		return Wider, "counted another way"
	}
}

func length(words []string) (avow.Period, bool) {
	if len(words) == 1 && words[0] == "session" {
		return avow.Period{Hours: -1}, true
	}
	if len(words) == 0 {
		return avow.Period{}, true
	}
	var total avow.Period
	parts := strings.Fields(words[0]) // "1 month 2 days", as Period.String writes it
	for i := 0; i+1 < len(parts); i += 2 {
		p, err := avow.ParsePeriod(parts[i] + " " + parts[i+1])
		if err != nil {
			return total, false
		}
		total.Months, total.Days, total.Hours = total.Months+p.Months, total.Days+p.Days, total.Hours+p.Hours
	}
	return total, len(parts)%2 == 0
}

// number is the direction of a number: a higher one is of class higher.
func number(higher Class, more, less string) direction {
	return func(before, after []string) (Class, string) {
		a, errA := strconv.Atoi(strings.Join(before, ""))
		b, errB := strconv.Atoi(strings.Join(after, ""))
		switch {
		case errA != nil || errB != nil:
			return Wider, "cannot be compared"
		case b > a:
			return higher, more
		}
		return opposite(higher), less
	}
}

// scale is the direction of a word out of a list that begins with the word that
// allows least.
func scale(wider, narrower string, words ...string) direction {
	return func(before, after []string) (Class, string) {
		a, b := slices.Index(words, one(before)), slices.Index(words, one(after))
		switch {
		case a < 0 || b < 0:
			return Wider, "cannot be compared"
		case b > a:
			return Wider, wider
		}
		return Narrower, narrower
	}
}

// best is the direction of a word of which one allows least, while the others
// cannot be compared.
func best(word, to, from, between string) direction {
	return func(before, after []string) (Class, string) {
		switch {
		case one(after) == word:
			return Narrower, to
		case one(before) == word:
			return Wider, from
		}
		return Wider, between
	}
}

// present is the direction of a word that protects by being there.
func present(came, went, other string) direction {
	return func(before, after []string) (Class, string) {
		switch {
		case len(before) == 0:
			return Narrower, came
		case len(after) == 0:
			return Wider, went
		}
		return Wider, other
	}
}

// until is the direction of the day on which something ends; none is never.
func until(before, after []string) (Class, string) {
	a, b := one(before), one(after)
	if a != "" && (b == "" || b > a) { // ISO 8601 dates sort as text
		return Wider, "ends later"
	}
	return Narrower, "ends earlier"
}

// category is the direction of a fideslang category: user.contact.email is a
// part of user.contact.
func category(before, after []string) (Class, string) {
	if strings.HasPrefix(one(after), one(before)+".") {
		return Narrower, "a part of what it was"
	}
	return Wider, "other information"
}

func one(words []string) string { return strings.Join(words, ", ") }
