package use

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/vault"
)

// API is what staff and their programs may ask for on the private listener.
func (s *Section) API() []page.Route {
	return []page.Route{{Pattern: "POST /v1/reads", Keeps: "purposes", Handle: s.read}}
}

type readAnswer struct {
	Records []readRecord `json:"records"`
	Next    string       `json:"next,omitempty"` // for after, when there is more
}

type readRecord struct {
	ID        string                `json:"id"`
	Collected time.Time             `json:"collected"` // RFC 3339
	Statement avow.Version          `json:"statement"` // the version it is pinned to
	Values    map[avow.Field]string `json:"values"`
}

// maxActor keeps the name of who reads within what a receipt may weigh.
const maxActor = 100

func (s *Section) read(w http.ResponseWriter, r *http.Request) error {
	var in Reading
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := json.UnmarshalRead(r.Body, &in, json.RejectUnknownMembers(true)); err != nil {
		return &page.Problem{Status: http.StatusBadRequest, Title: "The request cannot be read",
			Detail: `Send {"collection": …, "purpose": …, "actor": …} and optionally fields, after and limit.`}
	}
	if len(in.Actor) > maxActor || strings.ContainsFunc(string(in.Actor), unicode.IsControl) {
		return &page.Problem{Status: http.StatusBadRequest, Title: "actor is not a name", Detail: fmt.Sprintf("Send at most %d bytes, without control characters.", maxActor)}
	}
	records, next, err := s.Read(r.Context(), in)
	if errors.Is(err, vault.ErrMark) {
		return &page.Problem{Status: http.StatusBadRequest, Title: "after is not a place in the list", Detail: "Send next of the page before."}
	}
	if err != nil {
		return err
	}
	out := readAnswer{Records: make([]readRecord, 0, len(records)), Next: next}
	for _, rec := range records {
		values := make(map[avow.Field]string, len(rec.Values))
		for f, v := range rec.Values {
			values[f] = string(v.Reveal())
		}
		out.Records = append(out.Records, readRecord{rec.ID.String(), rec.Collected, rec.Version, values})
	}
	return page.WriteJSON(w, http.StatusOK, out)
}
