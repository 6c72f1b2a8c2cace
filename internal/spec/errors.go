package spec

import (
	"strconv"
	"strings"
)

// FieldError is one problem of a configuration.
type FieldError struct {
	// Path names the field as one would in code: "mounts[3].options". Keys of maps are quoted:
	// `linux.sysctl["net.ipv4.ip_forward"]`. It is empty for the document as a whole.
	Path string
	// Msg says what is wrong with the field.
	Msg string
	// Line and Column are where the field stands in the document, from 1. They are 0 where that
	// isn't known: positions are kept for errors of type, not of value.
	Line, Column int
}

// Error returns "path: message", with the position where it is known.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Line > 0 {
		b.WriteString(" (line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ")")
	}
	return b.String()
}

// Errors is every problem of a config.json. As an error it is never empty.
type Errors []*FieldError

// Error prints maxShown problems: a log line is no place for ten thousand. No more than maxKept
// are kept of a configuration in which nothing is right.
const (
	maxShown = 20
	maxKept  = 1000
)

// Error returns all problems on one line.
func (e Errors) Error() string { return "config.json: " + e.text() }

func (e Errors) text() string {
	var b strings.Builder
	for i, field := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == maxShown {
			b.WriteString("and " + strconv.Itoa(len(e)-i) + " more")
			break
		}
		b.WriteString(field.Error())
	}
	return b.String()
}

// texts are the problems, one by one.
func (e Errors) texts() (list []string) {
	for _, field := range e {
		list = append(list, field.Error())
	}
	return list
}

// Of returns the problems as those of a field that is no part of a config.json: their paths begin in it.
func (e Errors) Of(field string) error {
	list := make(Errors, len(e))
	for i, problem := range e {
		one := *problem
		if inside(one.Path, field) {
			one.Path = strings.TrimPrefix(one.Path[len(field):], ".")
		}
		if field != "" {
			one.Msg = strings.ReplaceAll(one.Msg, field+".", "") // another field of it, with which this one is at odds
		}
		list[i] = &one
	}
	return documentErrors{list}
}

// Unwrap returns each problem, a *FieldError.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i := range e {
		list[i] = e[i]
	}
	return list
}

// orNil keeps an empty list from becoming an error that is not nil.
func (e Errors) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// add notes a problem of the field that the elements name: strings are fields, ints are indexes,
// keys are keys of a map.
func (e *Errors) add(msg string, elements ...any) {
	if len(*e) >= maxKept {
		return
	}
	*e = append(*e, &FieldError{Path: join(elements), Msg: msg})
}

// key is the element of a path that a key of a map is.
type key string

// join writes a path.
func join(elements []any) string {
	var b strings.Builder
	for _, element := range elements {
		switch v := element.(type) {
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(v)
		case int:
			b.WriteString("[" + strconv.Itoa(v) + "]")
		case key:
			b.WriteString("[" + quote(string(v)) + "]")
		}
	}
	return b.String()
}

// quote makes text of the configuration fit for a line: quoted, and not too long.
func quote(s string) string {
	const limit = 200
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return strconv.Quote(s)
}

// inside reports whether the path is field or something in it.
func inside(path, field string) bool {
	rest, ok := strings.CutPrefix(path, field)
	return ok && (rest == "" || field == "" || rest[0] == '.' || rest[0] == '[')
}
