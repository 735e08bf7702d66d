// Package statement reads a privacy statement as a program.
//
// A statement is Markdown under YAML front matter. The front matter holds the
// rules; the prose holds the promises, each marked where it stands with a
// bracketed span, […]{#id keeps=rule}. Compile accepts the two only together:
// every promise names a rule that some part of avow enforces, and every rule is
// told in the prose.
package statement

import (
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/prose"
)

// A Statement is a compiled privacy statement. It is never changed after
// Compile returned it, so any number of goroutines may read it.
type Statement struct {
	Source   []byte // the file, byte for byte
	Title    string // the first heading
	Language string // BCP 47 tag of the prose, "en" unless said otherwise

	Organisation Organisation
	Updated      avow.Date

	Data       []Datum
	Purposes   []Purpose
	Collect    []Collection
	Cookies    []Cookie
	Trackers   []Tracker
	Recipients []Recipient
	Never      []Never
	Children   *Children
	Disclosure *Disclosure
	Sharing    *Sharing
	OptOut     *OptOut
	Links      *Links
	Signals    *Signals
	Popular    *Popular
	Security   *Security
	Changes    *Changes
	Acceptance *Acceptance
	Questions  *Questions
	Receipts   *Receipts

	Rules    []Rule    // every rule of the front matter, in file order
	Sections []Section // every heading of level two, in file order
	Clauses  []Clause  // every marked span, in file order

	// RuleHash is the SHA-256 of the canonical form of the rules. Two
	// statements with equal hashes differ in wording only.
	RuleHash [32]byte
	// TextHash is the SHA-256 of Source.
	TextHash [32]byte

	index    index
	prose    *prose.Document // for HTML
	marks    []int           // for each span of prose its place in Clauses, or -1
	contents []Heading
}

// An Edition is a published version of a statement. It is never changed.
type Edition struct {
	*Statement
	Version   avow.Version
	Published time.Time
	Class     string // first, wording, narrower or wider, compared with the version before
	Leaf      int64  // index of the public log entry that announced it
}

// Organisation is who makes the promises.
type Organisation struct {
	Name    string
	Site    []string // the origins the statement covers, such as https://harbour.example
	Contact string   // the address for privacy questions
}

// Home is where their pages are: the first of the sites, or "".
func (o *Organisation) Home() string { return strings.Join(o.Site[:min(1, len(o.Site))], "") }

// A Datum is a kind of information that may be collected.
type Datum struct {
	Name     avow.Field
	Category string   // fideslang data category, such as user.contact.email
	Say      string   // what people call it; the name with a capital unless said otherwise
	Type     string   // text, long, email, tel, number, date or choice
	Choices  []string // the answers to choose from, for Type choice
	Max      int      // most characters accepted
	Index    string   // "exact" when it can be looked up, "" when not
	Store    string   // "sealed", or "token" when only a provider's token is kept
	At       Position
}

// A Purpose is what information is used for.
type Purpose struct {
	Name    avow.Purpose
	Say     string   // completes "to …"
	Basis   string   // request, contract, opt-in, legal-obligation, legitimate-interest, …
	Channel string   // email, post, phone or "" when nobody is contacted
	AtMost  avow.Cap // how often somebody is contacted for it; zero is no limit
	At      Position
}

// Transactional says whether letters for the purpose are part of what somebody
// asked for, so that they still come after all others were stopped.
func (p *Purpose) Transactional() bool {
	return p.Basis != "opt-in" && p.Basis != "legitimate-interest"
}

// A Collection is a place where information comes in.
type Collection struct {
	Name   avow.Collection
	Say    string // a heading for its form
	By     string // form, visit, mail or purchase
	Fields []CollectedField
	For    []avow.Purpose
	Keep   avow.Period
	At     Position
}

// A CollectedField is a Datum in a Collection; written "email!" when required.
type CollectedField struct {
	Name     avow.Field
	Required bool
}

// A Cookie is one cookie the site sets.
type Cookie struct {
	Name      string
	For       string
	Keep      string // "session" or a period
	Necessary bool
	Consent   string // opt-in or none; none when necessary, opt-in otherwise
	At        Position
}

// ChoiceCookie is the name of the cookie by which a browser remembers what was
// chosen about the others.
const ChoiceCookie = "avow-choice"

// SecureChoiceCookie is its name over https. No script can write a cookie that
// begins so (RFC 6265bis, section 4.1.3; Chromium since 140).
const SecureChoiceCookie = "__Host-Http-" + ChoiceCookie

// Asks says whether anything waits for a visitor's choice, which then has to be
// remembered.
func (s *Statement) Asks() bool {
	return slices.ContainsFunc(s.Cookies, func(c Cookie) bool { return c.Consent != "none" }) ||
		slices.ContainsFunc(s.Trackers, func(t Tracker) bool { return t.Consent != "none" })
}

// A Tracker is a third party whose parts the pages load.
type Tracker struct {
	Host    string
	For     string
	Consent string // opt-in, opt-out or none
	At      Position
}

// A Recipient is somebody else who is given information.
type Recipient struct {
	Name     string
	Say      string
	Fields   []avow.Field
	For      []avow.Purpose
	Contract string // sha256:… of the signed contract
	Until    avow.Date
	OptOut   string // where to opt out with them
	At       Position
}

// A Never is something that is not done, now or later.
type Never struct {
	Name string // sale, rent, lease, …
	At   Position
}

// Children says how children are protected.
type Children struct {
	Under   int
	Methods []string    // email-plus, text-plus, signed-form, card, call
	Freeze  avow.Period // how soon what a child gave is frozen
	Erase   avow.Period // how soon it is erased
	At      Position
}

// Disclosure says on what grounds information is disclosed without notice before.
type Disclosure struct {
	Grounds   []string // of law, rights and safety
	Notice    string   // after, or none
	Approvers int
	At        Position
}

// Sharing says what goes along when others are given information.
type Sharing struct {
	Canaries int         // how many invented people each list carries
	Tell     avow.Period // how soon recipients are told of opt-outs and erasures
	At       Position
}

// OptOut says how letters are stopped.
type OptOut struct {
	Address   string      // where to write to
	Within    avow.Period // how soon letters stop
	Confirm   string      // by-mail: letters start when the address was confirmed
	Stays     string      // stopped: nobody but the person starts letters again
	Topics    string      // each: topics can be chosen one by one, without signing in
	Elsewhere string      // listed: where others can be told to stop
	At        Position
}

// Links says how outward links are treated.
type Links struct {
	Label    bool
	Register bool
	Leaks    string // "none": no address carries what is known of a visitor
	At       Position
}

// Signals says which browser signals are honoured.
type Signals struct {
	GPC bool
	At  Position
}

// Popular says how pages are counted.
type Popular struct {
	HideUnder int
	Keep      avow.Period
	At        Position
}

// Security says how information is kept safe.
type Security struct {
	Keys    string // per-subject
	Log     string // public
	Restore string // forgets: a backup brings nobody back who was erased since
	Staff   string // how often staff undertake confidentiality: yearly
	Drills  string // how often drills run: monthly
	At      Position
}

// Changes says how the statement may change.
type Changes struct {
	Date    string // on-change: the date on top changes when the text does
	History string // permanent: old versions stay readable
	Pinned  bool   // a wider rule never reaches older information
	Notice  avow.Period
	At      Position
}

// Acceptance says what using the site means.
type Acceptance struct {
	Notice string // recorded: which version was in force and shown
	At     Position
}

// Questions says how people are answered.
type Questions struct {
	Answer avow.Period
	At     Position
}

// Receipts says who gets a receipt.
type Receipts struct {
	Form string // every: each accepted form is answered with a receipt
	At   Position
}

// A Kind is a class of rules that one part of avow keeps, such as "collect.form".
type Kind string

// A Rule is one line of the front matter that can be promised.
type Rule struct {
	Path      string // what keeps= names, such as collect.contact or security.log
	Kind      Kind
	Canonical string // canonical JSON of the rule, what RuleHash covers
	At        Position
}

// Under says whether the rule stands at a path or below it.
func (r Rule) Under(path string) bool { return r.Path == path || strings.HasPrefix(r.Path, path+".") }

// Force says whether a clause binds.
type Force string

// A clause without a class is a promise. The other two bind nobody.
const (
	Promise     Force = "promise"
	Information Force = "information"
	Aspiration  Force = "aspiration"
)

// A Clause is a marked span of the prose.
type Clause struct {
	ID      avow.ClauseID
	Force   Force
	Keeps   []string // paths of rules, or of a whole kind; may be set on an aspiration
	Text    string   // plain text, white space folded
	Section string   // Section.Kind of the heading it stands under
	At      Position
}

// A Section is a heading of level two and what follows it.
type Section struct {
	Title string
	Kind  string // collection, use, children, optout, links, security, changes, acceptance, questions or other
	ID    string // anchor
	At    Position
}
