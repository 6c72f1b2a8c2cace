package spec

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/jsontext"
)

// Examine decodes and checks a config.json as [Load] does, without a bundle around it and without a look at the host. It returns
// what is wrong and what is ignored or odd, each with the place where it stands. Of a document with a syntax error
// there is no Spec.
func Examine(data []byte) (s *specs.Spec, wrong, odd Errors) {
	s = new(specs.Spec)
	d := decodeDocument(data, "", s, decodeSpec, true)
	if !d.whole {
		return nil, d.errs, d.warnings
	}
	wrong, odd = withoutConsequences(d.errs, validate(s)), d.warnings
	for _, e := range oddities(s) {
		e.Path, _, _ = strings.Cut(e.Path, ", ") // of two fields, the first
		odd = append(odd, e)
	}
	for _, list := range []Errors{wrong, odd} {
		for _, e := range list {
			if e.Line == 0 {
				e.Line, e.Column = Locate(data, e.Path)
			}
		}
	}
	return s, wrong, odd
}

// Locate returns where in a document, from line and column 1 on, the field stands that a path names, see [FieldError]; of one that is missing
// where what it is missing in begins.
func Locate(data []byte, path string) (line, column int) {
	r := jsontext.NewReader(data)
	found := r.Offset()
	for path != "" {
		name, index, rest := step(path)
		at, ok := 0, false
		switch {
		case index >= 0 && r.Kind() == jsontext.Array:
			at, ok = item(&r, index)
		case index < 0 && r.Kind() == jsontext.Object:
			at, ok = member(&r, name)
		}
		if !ok {
			break
		}
		found, path = at, rest
	}
	return r.Position(found)
}

// step takes the first element off a path: a name, or an index.
func step(path string) (name string, index int, rest string) {
	inner, bracket := strings.CutPrefix(path, "[")
	if !bracket {
		if end := strings.IndexAny(path, ".["); end >= 0 {
			return path[:end], -1, strings.TrimPrefix(path[end:], ".")
		}
		return path, -1, ""
	}
	if quoted, err := strconv.QuotedPrefix(inner); err == nil {
		name, _ = strconv.Unquote(quoted)
		return name, -1, strings.TrimPrefix(strings.TrimPrefix(inner[len(quoted):], "]"), ".")
	}
	number, rest, _ := strings.Cut(inner, "]")
	index, err := strconv.Atoi(number)
	if err != nil {
		return inner, -1, ""
	}
	return "", index, strings.TrimPrefix(rest, ".")
}

// member goes to the value of an object's member, the first with its name, and returns where that is.
func member(r *jsontext.Reader, name string) (offset int, ok bool) {
	r.BeginObject()
	for more, _ := r.NextAgain(); more; more, _ = r.NextAgain() {
		if r.Key() == name {
			return r.Offset(), true
		}
		r.SkipAgain(func(int) {})
	}
	return 0, false
}

// item goes to an element of an array, and returns where that is.
func item(r *jsontext.Reader, index int) (offset int, ok bool) {
	for r.BeginArray(); r.More(); r.SkipAgain(func(int) {}) {
		if index == 0 {
			return r.Offset(), true
		}
		index--
	}
	return 0, false
}
