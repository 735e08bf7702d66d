package devtools

import (
	"encoding/json"
	"slices"
	"strings"
)

// A Request is one request that a visit made or tried to make. A redirect is a
// request of its own.
type Request struct {
	URL       string
	Method    string
	Type      string // Document, Stylesheet, Image, Script, Fetch, Ping, WebSocket, …
	From      string // the document that asked
	Target    string // page, iframe, worker, service_worker, …
	Initiator Initiator
	Headers   map[string]string // as far as the page's process knows them
	Status    int               // of the answer; 0 while there is none
	MIME      string            // of the answer
	Blocked   string            // why it was not sent: csp, mixed-content, …; empty if it was
	Failed    string            // why no answer came, such as net::ERR_CONNECTION_REFUSED
}

// An Initiator is what made a page ask: its parser, a script, a preload.
type Initiator struct {
	Type string
	URL  string // of the document or the script
}

// Requests returns what the visit has asked for since it began or since
// ForgetRecords, in order.
func (p *Page) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Request, len(p.requests))
	for i, r := range p.requests {
		list[i] = *r
	}
	return list
}

// A Message is something that the page or the browser said.
type Message struct {
	Kind  string // console, exception, log, csp, dialog, crash or devtools
	Level string // error, warning, info, …
	Text  string
	URL   string // where, if it is known
}

// Messages returns what was said since the visit began or since ForgetRecords,
// in order.
func (p *Page) Messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// ForgetRecords empties the lists of requests and messages.
func (p *Page) ForgetRecords() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.messages = nil, nil
	clear(p.byID)
}

// maxRecords bounds both lists: a page may ask and talk in a loop.
const maxRecords = 20_000

func (p *Page) note(m Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.messages) < maxRecords {
		p.messages = append(p.messages, m)
	}
}

type rawInitiator struct {
	Type, URL string
	Stack     struct{ CallFrames []struct{ URL string } }
}

func (i rawInitiator) tidy() Initiator {
	if i.URL == "" && len(i.Stack.CallFrames) > 0 {
		i.URL = i.Stack.CallFrames[0].URL
	}
	return Initiator{i.Type, i.URL}
}

// A networkEvent holds the fields of all events that network reads.
type networkEvent struct {
	RequestID     string
	DocumentURL   string
	URL           string // of a socket
	Type          string
	Initiator     rawInitiator
	ErrorText     string
	BlockedReason string
	Request       struct {
		URL, Method string
		Headers     map[string]string
	}
	Response, RedirectResponse *struct {
		Status   int
		MIMEType string
	}
}

// network keeps the list of requests. It runs on the reading goroutine.
func (p *Page) network(t *target, method string, params json.RawMessage) {
	if !strings.HasPrefix(method, "Network.") {
		return
	}
	var e networkEvent
	if json.Unmarshal(params, &e) != nil || e.RequestID == "" {
		return
	}
	// Ids are given by each process for itself, and a document's request is told
	// to two targets when it changes process.
	id := t.session + " " + e.RequestID
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.byID[id]
	switch method {
	case "Network.requestWillBeSent":
		if r != nil && e.RedirectResponse != nil {
			r.Status, r.MIME = e.RedirectResponse.Status, e.RedirectResponse.MIMEType
		}
		p.asked(id, &Request{URL: e.Request.URL, Method: e.Request.Method, Type: e.Type, From: e.DocumentURL,
			Target: t.kind, Initiator: e.Initiator.tidy(), Headers: e.Request.Headers})
	case "Network.webSocketCreated", "Network.webTransportCreated":
		kind := strings.TrimSuffix(strings.TrimPrefix(method, "Network.web"), "Created")
		p.asked(id, &Request{URL: e.URL, Method: "CONNECT", Type: "Web" + kind, Target: t.kind, Initiator: e.Initiator.tidy()})
	case "Network.responseReceived":
		if r != nil && e.Response != nil {
			r.Status, r.MIME = e.Response.Status, e.Response.MIMEType
		}
	case "Network.loadingFailed":
		if r != nil {
			r.Failed, r.Blocked = e.ErrorText, e.BlockedReason
		}
	}
}

// asked adds a request. p.mu is held.
func (p *Page) asked(id string, r *Request) {
	if len(p.requests) >= maxRecords {
		return
	}
	p.requests = append(p.requests, r)
	p.byID[id] = r
}

// An exception is what a script threw.
type exception struct {
	Text, URL string
	Exception struct{ Description string }
}

func (e *exception) String() string {
	if e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}

// said turns an event into a Message.
func (p *Page) said(method string, params json.RawMessage) {
	var e struct {
		Type             string
		Args             []struct{ Value, Description any }
		ExceptionDetails *exception
		Entry            struct{ Source, Level, Text, URL string }
		Issue            struct {
			Code    string
			Details struct{ ContentSecurityPolicyIssueDetails *cspIssue }
		}
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	switch {
	case e.ExceptionDetails != nil:
		p.note(Message{"exception", "error", e.ExceptionDetails.String(), e.ExceptionDetails.URL})
	case method == "Runtime.consoleAPICalled":
		var words []string
		for _, a := range e.Args {
			word := a.Value
			if word == nil {
				word = a.Description
			}
			text, _ := json.Marshal(word)
			words = append(words, strings.Trim(string(text), `"`))
		}
		p.note(Message{"console", e.Type, strings.Join(words, " "), ""})
	case method == "Log.entryAdded":
		p.note(Message{"log", e.Entry.Level, e.Entry.Text, e.Entry.URL})
	case e.Issue.Details.ContentSecurityPolicyIssueDetails != nil:
		p.note(e.Issue.Details.ContentSecurityPolicyIssueDetails.message())
	}
}

// A cspIssue is something the content security policy forbids.
type cspIssue struct {
	BlockedURL         string
	ViolatedDirective  string
	IsReportOnly       bool
	SourceCodeLocation struct{ URL string }
}

func (c *cspIssue) message() Message {
	m := Message{Kind: "csp", Level: "error", Text: c.ViolatedDirective, URL: c.SourceCodeLocation.URL}
	if c.BlockedURL != "" {
		m.Text += ": " + c.BlockedURL
	}
	if c.IsReportOnly {
		m.Level = "warning"
	}
	return m
}
