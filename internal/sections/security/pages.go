package security

import (
	"embed"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

//go:embed *.html _event.html
var templates embed.FS

// Routes are the log, the receipts and the page that checks one.
func (s *Section) Routes() []page.Route {
	log := http.StripPrefix("/log", s.Ledger.Handler())
	return []page.Route{
		{Pattern: "GET " + page.Base + "/verify", Keeps: "security.log", Handle: s.verify},
		{Pattern: "POST " + page.Base + "/verify", Keeps: "security.log", Handle: s.verifySent},
		{Pattern: "GET " + page.Base + "/receipt/{id}", Keeps: "security.log", Handle: s.receipt},
		{Pattern: "GET /log/", Keeps: "security.log", Handle: func(w http.ResponseWriter, r *http.Request) error {
			log.ServeHTTP(w, r)
			return nil
		}},
	}
}

type verifyView struct {
	Log     ledger.Status
	Logs    []ledger.Log // all that there were, the newest last
	Keys    string       // of all, between spaces
	Text    string
	Receipt *receipt.Receipt
	Fault   string
}

func (s *Section) verify(w http.ResponseWriter, r *http.Request) error {
	return s.showVerify(w, r, http.StatusOK, verifyView{})
}

func (s *Section) showVerify(w http.ResponseWriter, r *http.Request, status int, v verifyView) error {
	v.Log = s.Ledger.Status()
	var err error
	if v.Logs, err = s.Ledger.Logs(r.Context()); err != nil {
		return err
	}
	for _, log := range v.Logs {
		v.Keys = strings.TrimSpace(v.Keys + " " + log.Key)
	}
	return s.set.Write(w, r, "verify.html", page.View{Status: status, Title: "Check a receipt", Here: "verify", Script: "verify.js", Data: v})
}

// maxReceipt is many times what a receipt takes.
const maxReceipt = 64 << 10

// verifySent checks a receipt for who has no script. It says that this is our
// own word, and how to do without it.
func (s *Section) verifySent(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxReceipt)
	text, err := s.receiptIn(r)
	if err != nil {
		return err
	}
	v := verifyView{Text: text}
	key, err := s.keyOf(r, []byte(text))
	if err != nil {
		return err
	}
	v.Receipt, err = receipt.Verify([]byte(text), receipt.Options{Key: key})
	if err != nil {
		v.Fault = err.Error()
		return s.showVerify(w, r, http.StatusUnprocessableEntity, v)
	}
	return s.showVerify(w, r, http.StatusOK, v)
}

// keyOf is the key of the log that a receipt is of, if it was one of ours, or
// else that of the newest.
func (s *Section) keyOf(r *http.Request, text []byte) (string, error) {
	logs, err := s.Ledger.Logs(r.Context())
	if p, fault := receipt.Parse(text); fault == nil {
		for _, log := range logs {
			if log.Key == p.Extra.LogKey {
				return log.Key, err
			}
		}
	}
	return s.Ledger.Status().Key, err
}

// receiptIn reads the receipt from the form: typed in, or as a file.
func (s *Section) receiptIn(r *http.Request) (string, error) {
	if err := r.ParseMultipartForm(2 * maxReceipt); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return "", &page.Problem{Status: http.StatusBadRequest, Title: "The form cannot be read", Detail: "Paste the receipt, or choose its file."}
	}
	if r.MultipartForm != nil && len(r.MultipartForm.File["file"]) > 0 && r.MultipartForm.File["file"][0].Size > 0 {
		f, err := r.MultipartForm.File["file"][0].Open()
		if err != nil {
			return "", err
		}
		defer f.Close()
		body, err := io.ReadAll(f)
		return string(body), err
	}
	// A text field turns line ends into CR LF (HTML, section 4.10.21.7); a
	// receipt has LF only, and ends in one.
	return strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("receipt"), "\r\n", "\n")) + "\n", nil
}

type receiptView struct {
	ID      string
	Text    string
	Receipt *receipt.Receipt
}

func (s *Section) receipt(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	text, _, err := s.Ledger.ByLink(r.Context(), id)
	switch {
	case errors.Is(err, ledger.ErrGone):
		return &page.Problem{Status: http.StatusGone, Title: "This receipt's content was erased",
			Detail: "Whoever it belonged to was forgotten here. A copy you saved can still be checked."}
	case errors.Is(err, store.ErrNone):
		return page.NotFound
	case err != nil:
		return err
	}
	w.Header().Set("X-Robots-Tag", "noindex")
	if r.URL.Query().Has("download") || strings.HasPrefix(r.Header.Get("Accept"), "text/plain") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="receipt.tlog-proof"`)
		w.Header().Set("Cache-Control", "no-store")
		_, err := w.Write(text)
		return err
	}
	key, err := s.keyOf(r, text)
	if err != nil {
		return err
	}
	read, err := receipt.Verify(text, receipt.Options{Key: key})
	if err != nil {
		return err
	}
	return s.set.Write(w, r, "receipt.html", page.View{Title: "A receipt", Robots: "noindex", Data: receiptView{id, string(text), read}})
}
