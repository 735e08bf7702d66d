package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow/client"
)

// A measure is what the house is asked and what the bare handler is.
type measure struct {
	name        string
	house, bare job
	before      func(ctx context.Context, house *side) error
}

// measures come in an order in which each finds what it needs: who is erased
// was created before.
func (r *run) measures() []measure {
	create := job{ask: r.create, seen: r.created}
	return []measure{
		{name: "create", house: create, bare: job{ask: r.create}},
		same("read-email", r.readEmail),
		same("read-id", r.readID),
		same("update", r.update),
		{name: "erase", house: job{ask: r.erase}, bare: job{ask: r.eraseNobody}, before: r.letIn},
		same("decide", r.decide),
		same("receipt", r.receipt),
		same("letter", r.letter),
	}
}

func same(name string, ask func([]byte) []byte) measure {
	return measure{name: name, house: job{ask: ask}, bare: job{ask: ask}}
}

// letIn lets persons in who can be erased, for as long as that will go on,
// unless there are some.
func (r *run) letIn(ctx context.Context, house *side) error {
	if len(r.leave) > 0 {
		return nil
	}
	return house.round(ctx, job{ask: r.create, seen: r.created}, slice+time.Duration(r.Seconds*float64(time.Second)))
}

// request appends a request with a JSON body, or without one if v is nil.
func (r *run) request(buf []byte, method, path string, v any) []byte {
	buf = fmt.Appendf(buf, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", method, path, r.addr, r.token)
	if v == nil {
		return append(buf, "\r\n"...)
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings are in it
	}
	return append(fmt.Appendf(buf, "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)), body...)
}

type collect struct {
	Values client.Values `json:"values"`
}

func (r *run) create(buf []byte) []byte {
	return r.request(buf, "POST", "/v1/collect/contact", collect{values(r.next.Add(1))})
}

// created notes who came, for erase. Only the member is looked for: to decode
// the whole answer would cost as much as to make it.
func (r *run) created(body []byte) {
	if id, ok := member(body, `"subject":"`); ok {
		r.mu.Lock()
		r.leave = append(r.leave, string(id))
		r.mu.Unlock()
	}
}

func member(body []byte, name string) ([]byte, bool) {
	_, rest, ok := bytes.Cut(body, []byte(name))
	if !ok {
		return nil, false
	}
	id, _, ok := bytes.Cut(rest, []byte(`"`))
	return id, ok
}

func (r *run) readEmail(buf []byte) []byte {
	return r.request(buf, "POST", "/v1/reads", client.Query{Collection: "contact", Purpose: "reply", Actor: actor,
		Where: client.Values{"email": fmt.Sprintf("p%08d@bench.example", rand.Int64N(r.known))}})
}

func (r *run) readID(buf []byte) []byte {
	return r.request(buf, "POST", "/v1/reads", client.Query{Collection: "contact", Purpose: "reply", Actor: actor, Record: pick(r.records)})
}

type correction struct {
	Actor  string        `json:"actor"`
	Values client.Values `json:"values"`
}

func (r *run) update(buf []byte) []byte {
	return r.request(buf, "PATCH", "/v1/records/"+pick(r.records), correction{string(actor), client.Values{"message": message}})
}

func (r *run) erase(buf []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.leave) == 0 {
		return nil
	}
	last := len(r.leave) - 1
	id := r.leave[last]
	r.leave = r.leave[:last]
	return r.request(buf, "DELETE", "/v1/subjects/"+id+"?actor=bench", nil)
}

func (r *run) eraseNobody(buf []byte) []byte {
	return r.request(buf, "DELETE", "/v1/subjects/sub_00000000000000000000000000?actor=bench", nil)
}

func (r *run) decide(buf []byte) []byte {
	return r.request(buf, "POST", "/v1/decisions", client.Use{Collection: "contact", Purpose: "reply", Actor: actor})
}

func (r *run) receipt(buf []byte) []byte {
	return r.request(buf, "GET", "/v1/receipts/"+pick(r.links), nil)
}

type letter struct {
	Purpose string   `json:"purpose"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
}

// letter is decided on and queued. There is no relay, so it waits.
func (r *run) letter(buf []byte) []byte {
	return r.request(buf, "POST", "/v1/messages", letter{"reply", []string{fmt.Sprintf("p%08d@bench.example", rand.Int64N(r.known))}, "Your question", message})
}

func pick(from []string) string { return from[rand.IntN(len(from))] }
