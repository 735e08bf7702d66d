package store

import (
	"fmt"
	"reflect"
	"strings"
)

// Load fills the string fields of a struct from the blocks of a file of SQL,
// each headed by a line "-- name: Field". A package keeps its SQL in one
// embedded file and loads it into one variable.
//
// A field without a block, or a block without a field, is a mistake of the
// program and panics.
func Load[T any](sql string) T {
	blocks := map[string]string{}
	for i, part := range strings.Split("\n"+sql, "\n-- name: ") {
		name, text, _ := strings.Cut(part, "\n")
		name, text = strings.TrimSpace(name), strings.TrimSpace(text)
		if i == 0 {
			continue // what stands before the first block is a comment on the file
		}
		if _, twice := blocks[name]; twice || text == "" {
			panic(fmt.Sprintf("queries: block %q is empty or there twice", name))
		}
		blocks[name] = text
	}
	var queries T
	v := reflect.ValueOf(&queries).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		text, ok := blocks[name]
		if !ok {
			panic(fmt.Sprintf("queries: no block named %q", name))
		}
		v.Field(i).SetString(text)
		delete(blocks, name)
	}
	for name := range blocks {
		panic(fmt.Sprintf("queries: block %q is not used", name))
	}
	return queries
}
