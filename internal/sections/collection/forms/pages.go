package forms

import (
	"embed"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
)

//go:embed *.html
var templates embed.FS

// Routes are the forms.
func (s *Section) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET /f/{form}", Keeps: "data", Handle: s.show},
		{Pattern: "POST /f/{form}", Keeps: "receipts.form", Handle: s.submit},
	}
}

// A formView is a form as it is shown: empty, or as it was sent with what is
// wrong beside each field.
type formView struct {
	Edition *statement.Edition
	Form    *statement.Collection
	Clause  avow.ClauseID
	Inputs  []input
	For     []string // what it is for, completing "to …"
	Notice  string   // said on top, when something has to be said
}

type input struct {
	*statement.Datum
	Required bool
	Value    string
	Fault    string
	First    bool // the first with a fault: it takes the focus
}

// Autocomplete names the field for the browser (HTML, section 4.10.18.7), so
// that people type less and err less (WCAG 2.2, 1.3.5).
func (i input) Autocomplete() string {
	switch i.Category {
	case "user.name":
		return "name"
	case "user.contact.email":
		return "email"
	case "user.contact.phone_number":
		return "tel"
	case "user.contact.address":
		return "street-address"
	}
	return "off"
}

func (s *Section) show(w http.ResponseWriter, r *http.Request) error {
	e, c, err := s.form(r.PathValue("form"))
	if err != nil {
		return err
	}
	return s.write(w, r, http.StatusOK, view(e, c, nil, nil))
}

func view(e *statement.Edition, c *statement.Collection, in sent, faults map[avow.Field]string) formView {
	v := formView{Edition: e, Form: c, Clause: e.Keeper("collect." + string(c.Name))}
	first := true
	for _, f := range c.Fields {
		i := input{Datum: e.Datum(f.Name), Required: f.Required, Fault: faults[f.Name]}
		if values := in[string(f.Name)]; values != nil {
			i.Value = values[0]
		}
		if i.Fault != "" && first {
			i.First, first = true, false
		}
		v.Inputs = append(v.Inputs, i)
	}
	for _, p := range c.For {
		v.For = append(v.For, e.Purpose(p).Say)
	}
	return v
}

func (s *Section) write(w http.ResponseWriter, r *http.Request, status int, v formView) error {
	s.Notices.Served(v.Edition.Version)
	title := v.Form.Say
	if status != http.StatusOK {
		title = "Not done yet: " + title
	}
	return s.set.Write(w, r, "form.html", page.View{Status: status, Title: title, Data: v})
}

func (s *Section) submit(w http.ResponseWriter, r *http.Request) error {
	e, c, err := s.form(r.PathValue("form"))
	if err != nil {
		return err
	}
	in, err := readSent(w, r)
	if err != nil {
		return s.count(r, c, "unreadable", err)
	}
	if name, ok := in.undeclared(c); ok {
		problem := wrong(http.StatusUnprocessableEntity, name, "This form does not ask for it, so it was not kept. Nothing of what you sent was.")
		problem.Clause = e.Keeper("data." + string(c.Fields[0].Name))
		return s.count(r, c, "undeclared", problem)
	}
	if problem := in.malformed(); problem != nil {
		return s.count(r, c, "unreadable", problem)
	}
	values, faults := in.values(e.Statement, c)
	if len(faults) > 0 {
		return s.again(w, r, e, c, in, faults)
	}
	if shown := in[versionField]; shown != nil && shown[0] != strconv.Itoa(int(e.Version)) {
		return s.moved(w, r, e, c, in)
	}
	taken, err := s.Take(r.Context(), Sending{Edition: e, Form: c, Values: values, Signal: r.Header.Get("Sec-GPC") == "1"})
	if err != nil {
		return err
	}
	return s.thank(w, r, e, c, taken)
}

// count notes that a form was refused, by outcome, and passes the reason on.
func (s *Section) count(r *http.Request, c *statement.Collection, outcome string, reason error) error {
	return errors.Join(reason, s.refused(r.Context(), c.Name, outcome))
}

// again shows the form as it was sent, with what is wrong.
func (s *Section) again(w http.ResponseWriter, r *http.Request, e *statement.Edition, c *statement.Collection, in sent, faults map[avow.Field]string) error {
	if err := s.refused(r.Context(), c.Name, "incomplete"); err != nil {
		return err
	}
	if page.WantsJSON(r) {
		for _, f := range c.Fields {
			if fault := faults[f.Name]; fault != "" {
				return wrong(http.StatusUnprocessableEntity, string(f.Name), fault)
			}
		}
	}
	v := view(e, c, in, faults)
	v.Notice = "Something is missing or does not fit. Nothing was kept yet; what you typed is still here."
	return s.write(w, r, http.StatusUnprocessableEntity, v)
}

// moved shows the form again because the statement changed since it was shown:
// nobody is held to words they did not see.
func (s *Section) moved(w http.ResponseWriter, r *http.Request, e *statement.Edition, c *statement.Collection, in sent) error {
	if page.WantsJSON(r) {
		return wrong(http.StatusConflict, versionField, "Another version of the statement is in force now. Show it, then send again.")
	}
	v := view(e, c, in, nil)
	v.Notice = "Our privacy statement changed while this form was open. Nothing was kept yet: please look at the notice below the form, then send it again."
	return s.write(w, r, http.StatusConflict, v)
}

type thanks struct {
	*Taken
	Edition *statement.Edition
	Form    *statement.Collection
	For     []string
	Text    string
}

func (s *Section) thank(w http.ResponseWriter, r *http.Request, e *statement.Edition, c *statement.Collection, t *Taken) error {
	link := page.Base + "/receipt/" + t.Link
	if page.WantsJSON(r) {
		return page.WriteJSON(w, http.StatusCreated, answer{t.Record.String(), t.Clause, t.Version, t.Fields, t.Expires, link, string(t.Receipt)})
	}
	v := thanks{Taken: t, Edition: e, Form: c, For: view(e, c, nil, nil).For, Text: string(t.Receipt)}
	return s.set.Write(w, r, "thanks.html", page.View{Title: "Thank you, it arrived", Robots: "noindex", Data: v})
}

// An answer is what a program gets for an accepted form.
type answer struct {
	Record    string        `json:"record"`
	Clause    avow.ClauseID `json:"clause"`    // the promise it was collected under
	Statement avow.Version  `json:"statement"` // the version it is pinned to
	Fields    []avow.Field  `json:"fields"`    // what was kept, by name
	Expires   time.Time     `json:"expires"`   // RFC 3339; gone by then
	Link      string        `json:"link"`      // path of the receipt's page
	Receipt   string        `json:"receipt"`   // c2sp.org/tlog-proof@v1
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }
