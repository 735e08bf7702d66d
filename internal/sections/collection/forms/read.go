package forms

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vault"
)

// A form is read whole into memory, never into a temporary file, so it has to
// be small.
const maxBody = 256 << 10

// versionField tells which version of the statement the sender was shown.
const versionField = "avow-version"

// sent is a form as it came in: nothing of it is trusted yet.
type sent map[string][]string

func readSent(w http.ResponseWriter, r *http.Request) (sent, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "application/x-www-form-urlencoded":
		return readURLEncoded(r)
	case err == nil && kind == "multipart/form-data":
		return readMultipart(r)
	case err == nil && kind == "application/json":
		return readJSON(r)
	}
	return nil, &page.Problem{Status: http.StatusUnsupportedMediaType, Title: "This is not a form",
		Detail: "Send application/x-www-form-urlencoded, multipart/form-data or application/json."}
}

func readURLEncoded(r *http.Request) (sent, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &page.Problem{Status: http.StatusBadRequest, Title: "The form cannot be read",
			Detail: "It is not well-formed application/x-www-form-urlencoded."}
	}
	return sent(values), nil
}

func readMultipart(r *http.Request) (sent, error) {
	// More memory than a body may have: nothing is ever written to disk.
	if err := r.ParseMultipartForm(2 * maxBody); err != nil {
		return nil, cannotRead(err, "It is not well-formed multipart/form-data.")
	}
	for name := range r.MultipartForm.File {
		return nil, wrong(http.StatusUnprocessableEntity, name, "This form takes no files.")
	}
	return sent(r.MultipartForm.Value), nil
}

func readJSON(r *http.Request) (sent, error) {
	var flat map[string]any
	if err := json.UnmarshalRead(r.Body, &flat); err != nil {
		return nil, cannotRead(err, "It is not one JSON object with each name once.")
	}
	values := sent{}
	for name, v := range flat {
		text, ok := v.(string)
		if !ok {
			return nil, wrong(http.StatusUnprocessableEntity, name, "Send its value as a string.")
		}
		values[name] = []string{text}
	}
	return values, nil
}

// cannotRead keeps the answer for a body that is too large, and says nothing of
// what the body holds.
func cannotRead(err error, detail string) error {
	if tooLarge := new(http.MaxBytesError); asError(err, &tooLarge) {
		return tooLarge
	}
	return &page.Problem{Status: http.StatusBadRequest, Title: "The form cannot be read", Detail: detail}
}

// wrong is a problem with one field. Its name came from outside, so it is cut
// short and kept printable.
func wrong(status int, name, detail string) *page.Problem {
	name = strings.ToValidUTF8(strings.Map(printable, name), "?")
	if utf8.RuneCountInString(name) > 64 {
		name = string([]rune(name)[:64]) + "…"
	}
	return &page.Problem{Status: status, Title: fmt.Sprintf("The field %q was refused", name), Detail: detail, Field: avow.Field(name)}
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// undeclared returns the first field, in order, that c does not ask for.
func (in sent) undeclared(c *statement.Collection) (string, bool) {
	var names []string
	for name := range in {
		declared := slices.ContainsFunc(c.Fields, func(f statement.CollectedField) bool { return string(f.Name) == name })
		if !declared && name != versionField {
			names = append(names, name)
		}
	}
	if names == nil {
		return "", false
	}
	return slices.Min(names), true
}

// malformed returns a problem that no typing person causes: a field sent twice,
// bytes that are no text.
func (in sent) malformed() *page.Problem {
	for name, values := range in {
		switch {
		case !utf8.ValidString(name):
			return wrong(http.StatusBadRequest, name, "Its name is not valid UTF-8.")
		case len(values) != 1:
			return wrong(http.StatusUnprocessableEntity, name, "It was sent more than once.")
		case !utf8.ValidString(values[0]):
			return wrong(http.StatusBadRequest, name, "Its value is not valid UTF-8.")
		case strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }):
			return wrong(http.StatusUnprocessableEntity, name, "Its value holds control characters.")
		}
	}
	return nil
}

// values checks each field against the statement. What is wrong is said by
// field, in words for whoever filled the form in.
func (in sent) values(s *statement.Statement, c *statement.Collection) (Values, map[avow.Field]string) {
	values, faults := Values{}, map[avow.Field]string{}
	for _, f := range c.Fields {
		text := ""
		if v := in[string(f.Name)]; v != nil {
			text = strings.TrimSpace(v[0])
		}
		if text == "" {
			if f.Required {
				faults[f.Name] = "Please fill this in."
			}
			continue
		}
		if fault := check(s.Datum(f.Name), text); fault != "" {
			faults[f.Name] = fault
			continue
		}
		values[f.Name] = vault.Conceal([]byte(text))
	}
	return values, faults
}

// check says what is wrong with text as a value of d, or "".
func check(d *statement.Datum, text string) string {
	if n := utf8.RuneCountInString(text); n > d.Max {
		return fmt.Sprintf("That is %d characters; %d fit.", n, d.Max)
	}
	switch d.Type {
	case "email":
		if a, err := mail.ParseAddress(text); err != nil || a.Address != text || !strings.Contains(text[strings.LastIndexByte(text, '@'):], ".") {
			return "This does not look like an e-mail address, such as name@example.com."
		}
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "Please write a number."
		}
	case "date":
		if _, err := avow.ParseDate(text); err != nil {
			return "Please write a date as year-month-day, such as 2026-01-31."
		}
	case "tel":
		if strings.Trim(text, "+0123456789 ()-./") != "" {
			return "Please write a telephone number with digits."
		}
	case "choice":
		if !slices.Contains(d.Choices, text) {
			return "Please choose one of the answers."
		}
	}
	if d.Type != "long" && strings.ContainsAny(text, "\r\n") {
		return "Please write this on one line."
	}
	return ""
}
