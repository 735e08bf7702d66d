package api

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strict is how bodies are read.
func strict() json.Options { return json.RejectUnknownMembers(true) }

// marshal writes an answer: the same value always reads the same.
func marshal(w io.Writer, v any) error { return json.MarshalWrite(w, v, json.Deterministic(true)) }

// unmarshal reads a body. Its errors are told to the caller, so they say what is
// wrong in our words alone: neither a value nor the name of a member that we do
// not know is in them. What was read is cleared: the buffer goes back to a pool,
// and somebody's address would lie in it until another body comes.
func unmarshal(data []byte, v any) error {
	defer clear(data)
	if err := json.Unmarshal(data, v, strict()); err != nil {
		return errors.New(wrong(err))
	}
	return nil
}

func wrong(err error) string {
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return "The body has a member that this operation does not take."
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "The body has a name twice."
	case errors.As(err, &syntax):
		return "The body is not one JSON value in UTF-8."
	case errors.As(err, &meaning):
		return "A member of the body is of the wrong kind, such as a number where a text belongs."
	}
	return "The body cannot be read."
}
