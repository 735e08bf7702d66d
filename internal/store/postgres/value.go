package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	asText   = 0
	asBinary = 1
)

// errValue is at the bottom of what is wrong with a value, not with the server.
var errValue = errors.New("a value cannot be kept")

// formatOf is in what form columns of a type are asked for.
func formatOf(oid uint32) int16 {
	switch oid {
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID, pgtype.ByteaOID, pgtype.BoolOID:
		return asBinary
	}
	return asText
}

// encode writes a value for a parameter of a type.
func encode(a any, oid uint32) (value []byte, format int16, err error) {
	switch a := a.(type) {
	case nil:
		return nil, asText, nil
	case int64:
		return encodeInt(a, oid)
	case int:
		return encodeInt(int64(a), oid)
	case string:
		return []byte(a), asText, nil
	case []byte:
		if a == nil {
			return nil, asText, nil
		}
		return a, asBinary, nil
	case time.Time:
		return encodeInt(a.UnixMicro(), oid)
	}
	switch v := reflect.ValueOf(a); v.Kind() {
	case reflect.String:
		return []byte(v.String()), asText, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return encodeInt(v.Int(), oid)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes(), asBinary, nil
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			value = make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(value), v)
			return value, asBinary, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: %T", errValue, a)
}

func encodeInt(n int64, oid uint32) ([]byte, int16, error) {
	if oid == pgtype.Int8OID {
		return binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(n)), asBinary, nil
	}
	return strconv.AppendInt(nil, n, 10), asText, nil
}

// A row is what came back, valid until the next one comes.
type row struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// keep copies a row out of the buffer it was read into.
func (r row) keep() row {
	kept := row{append([]pgconn.FieldDescription(nil), r.fields...), make([][]byte, len(r.values))}
	for i, v := range r.values {
		if v != nil {
			kept.values[i] = append([]byte{}, v...)
		}
	}
	return kept
}

// scan puts the columns where dest points.
func (r row) scan(dest []any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("%w: a row has %d columns, not %d", errValue, len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r.fields[i].DataTypeOID, r.values[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(dest any, oid uint32, value []byte) error {
	switch d := dest.(type) {
	case *[]byte:
		if *d = nil; value != nil {
			*d = append([]byte{}, value...)
		}
		return nil
	case *string:
		if value == nil || oid == pgtype.ByteaOID || formatOf(oid) == asBinary {
			return fmt.Errorf("%w: not a text", errValue)
		}
		*d = string(value)
		return nil
	case *time.Time:
		n, err := integer(oid, value)
		*d = time.UnixMicro(n).UTC()
		return err
	}
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return fmt.Errorf("%w: no place to put it", errValue)
	}
	return assignKind(v.Elem(), oid, value)
}

func assignKind(v reflect.Value, oid uint32, value []byte) error {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := integer(oid, value)
		v.SetInt(n)
		return err
	case reflect.Bool:
		if oid != pgtype.BoolOID || len(value) != 1 {
			return fmt.Errorf("%w: not a truth value", errValue)
		}
		v.SetBool(value[0] == 1)
		return nil
	case reflect.String:
		if value == nil || formatOf(oid) == asBinary {
			return fmt.Errorf("%w: not a text", errValue)
		}
		v.SetString(string(value))
		return nil
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && oid == pgtype.ByteaOID && len(value) == v.Len() {
			reflect.Copy(v, reflect.ValueOf(value))
			return nil
		}
		return fmt.Errorf("%w: expected %d bytes, found %d", errValue, v.Len(), len(value))
	}
	return fmt.Errorf("%w: no place to put it", errValue)
}

func integer(oid uint32, value []byte) (int64, error) {
	switch {
	case oid == pgtype.Int8OID && len(value) == 8:
		return int64(binary.BigEndian.Uint64(value)), nil
	case oid == pgtype.Int4OID && len(value) == 4:
		return int64(int32(binary.BigEndian.Uint32(value))), nil
	case oid == pgtype.Int2OID && len(value) == 2:
		return int64(int16(binary.BigEndian.Uint16(value))), nil
	case oid == pgtype.NumericOID: // the sum of integers
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: not an integer", errValue)
}
