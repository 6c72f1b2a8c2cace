package spec

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/jsontext"
)

//go:generate go run ./gen

// Decode makes a Spec of the text of a config.json. It is strict, see package jsontext: a key
// must have the exact case (but for two that others write, see gen), a number must fit its field, a
// null in a list is an error; elsewhere null means absent. Unknown keys are ignored, as the
// runtime-spec demands, and so are the sections for other platforms. The values themselves are not
// checked, see [Validate].
//
// Errors of type are collected: the result is of type [Errors]. A syntax error ends it.
//
// The strings of the Spec share their memory with data, which must not be changed any more.
func Decode(data []byte) (*specs.Spec, error) {
	s, d := decode(data)
	if len(d.errs) > 0 {
		return nil, d.errs
	}
	return s, nil
}

// decoded is what a document gave besides its value.
type decoded struct {
	errs     Errors
	warnings Errors
	whole    bool // the value comes from the whole of the document: a syntax error is its end
}

// decode returns what could be decoded in spite of errors.
func decode(data []byte) (s *specs.Spec, d decoded) {
	s = new(specs.Spec)
	return s, decodeDocument(data, "", s, decodeSpec, false)
}

// DecodeProcess is Decode for a document that is a process object alone, which exec takes. The
// paths in its errors and warnings begin with "process".
func DecodeProcess(data []byte) (*specs.Process, []string, error) {
	return part(data, "process", decodeProcess)
}

// DecodeResources is Decode for a document that is a linux.resources object alone, which update
// takes. The paths in its errors and warnings begin with "linux.resources".
func DecodeResources(data []byte) (*specs.LinuxResources, []string, error) {
	return part(data, "linux.resources", decodeLinuxResources)
}

// DecodeSeccomp is Decode for a document that is a linux.seccomp object alone. The paths in its
// errors begin with "linux.seccomp".
func DecodeSeccomp(data []byte) (*specs.LinuxSeccomp, error) {
	p, _, err := part(data, "linux.seccomp", decodeLinuxSeccomp)
	return p, err
}

// part decodes a document that is a part of a configuration.
func part[T any](data []byte, root string, f func(*decoder, *T)) (*T, []string, error) {
	v := new(T)
	d := decodeDocument(data, root, v, f, false)
	if len(d.errs) > 0 {
		return nil, nil, documentErrors{d.errs}
	}
	return v, d.warnings.texts(), nil
}

// documentErrors are the errors of a document that is no config.json.
type documentErrors struct{ Errors }

func (e documentErrors) Error() string { return e.text() }

// As gives who asks for [Errors] the list.
func (e documentErrors) As(target any) bool {
	list, ok := target.(*Errors)
	if ok {
		*list = e.Errors
	}
	return ok
}

func decodeDocument[T any](data []byte, root string, v *T, f func(*decoder, *T), all bool) decoded {
	d := decoder{r: jsontext.NewReader(data), path: make([]element, 0, 16), all: all}
	if root != "" {
		d.path = append(d.path, element{name: root})
	}
	if d.r.Kind() == jsontext.Null {
		d.mismatch("an object")
	}
	f(&d, v)
	d.r.End()
	var syntax *jsontext.SyntaxError
	if !errors.As(d.r.Err(), &syntax) {
		return decoded{d.errs, d.warnings, true}
	}
	d.errs = append(d.errs, &FieldError{Path: d.where(), Msg: syntax.Msg, Line: syntax.Line, Column: syntax.Column})
	return decoded{d.errs, d.warnings, false}
}

// decoder is a reader that knows where in the configuration it is. The generated functions, one
// for each struct, call its methods. It never stops for a value of the wrong type: it notes the
// problem, skips the value and goes on.
type decoder struct {
	r    jsontext.Reader
	path []element // of the value being read
	key  string    // of the member that next found last
	errs Errors
	all  bool // every unknown member is worth a warning

	warnings Errors
}

// element is a step of a path: a field, a key of a map, or an index.
type element struct {
	name  string
	kind  elementKind
	index int
}

type elementKind uint8

const (
	elementField elementKind = iota
	elementKey
	elementIndex
)

// where writes the current path.
func (d *decoder) where() string {
	parts := make([]any, 0, 16)
	for _, e := range d.path {
		switch {
		case e.kind == elementIndex:
			parts = append(parts, e.index)
		case e.kind == elementKey:
			parts = append(parts, key(e.name))
		case e.name != "":
			parts = append(parts, e.name)
		}
	}
	return join(parts)
}

// maxErrors bounds the work on a document where nothing fits.
const maxErrors = 100

// problem notes a problem with the value at an offset.
func (d *decoder) problem(offset int, msg string) {
	if len(d.errs) == maxErrors {
		d.r.Fail("too many errors")
		return
	}
	line, column := d.r.Position(offset)
	d.errs = append(d.errs, &FieldError{Path: d.where(), Msg: msg, Line: line, Column: column})
}

// mismatch notes a value of the wrong type.
func (d *decoder) mismatch(want string) {
	d.problem(d.r.Offset(), "expected "+want+", got "+d.r.Kind().String())
}

// want reports whether a value of the kind comes next. If not, the value is skipped and, unless
// it is a null that stands for an absent field, noted as a problem.
func (d *decoder) want(kind jsontext.Kind) bool {
	got := d.r.Kind()
	if got == kind {
		return true
	}
	absent := got == jsontext.Null && (len(d.path) == 0 || d.path[len(d.path)-1].kind == elementField)
	if !absent && got != jsontext.Invalid {
		d.mismatch(kind.String())
	}
	d.skip() // where nothing valid comes next, this makes the reader fail
	return false
}

// begin opens the object that comes next. For something else it returns false.
func (d *decoder) begin() bool {
	if !d.want(jsontext.Object) {
		return false
	}
	d.r.BeginObject()
	d.path = append(d.path, element{})
	return true
}

// next moves to the next member of the object: its key is in d.key.
func (d *decoder) next() bool {
	failed := d.r.Err() != nil
	top := len(d.path) - 1
	if d.member(top) {
		d.key = d.r.Key()
		d.path[top].name = d.key
		return true
	}
	switch {
	case d.r.Err() == nil: // else the path says where
		d.path = d.path[:top]
	case !failed && d.r.Duplicate():
		d.path[top].name = d.r.Key()
	}
	return false
}

// member moves to the next member. Who wants to know all that is wrong hears of the keys that come a second time, and of what comes after them.
func (d *decoder) member(top int) bool {
	if !d.all {
		return d.r.Next()
	}
	for {
		ok, again := d.r.NextAgain()
		if !ok || again < 0 {
			return ok
		}
		d.path[top].name = d.r.Key()
		d.problem(again, "duplicate key "+quote(d.r.Key()))
		d.skip()
	}
}

// unknown skips a member that the struct does not have. A key that differs from a known one in
// nothing but case deserves a warning: some readers would take it, others not.
func (d *decoder) unknown(known []string) {
	for _, name := range known {
		if strings.EqualFold(name, d.key) {
			d.warn(`unknown key is ignored, did you mean ` + quote(name) + `? keys are case-sensitive`)
			d.skip()
			return
		}
	}
	if d.all {
		if last := &d.path[len(d.path)-1]; d.key == "" && last.kind == elementField {
			last.kind = elementKey // or it would be no part of the path
			defer func() { last.kind = elementField }()
		}
		d.warn("unknown key is ignored")
	}
	d.skip()
}

// skip reads the next value and forgets it; who wants to know all that is wrong hears of the keys that come a second time in it.
func (d *decoder) skip() {
	if !d.all {
		d.r.Skip()
		return
	}
	d.r.SkipAgain(func(again int) { d.problem(again, "duplicate key "+quote(d.r.Key())) })
}

// alias tells whether the member that comes next, whose key differs from the right one in case, is
// to be taken for it: unless that is there too. If not, the member is skipped.
func (d *decoder) alias(name string, absent bool) bool {
	if absent {
		d.warn("is taken for " + quote(name) + ": keys are case-sensitive")
		return true
	}
	d.warn("is ignored: " + quote(name) + " is there too, and keys are case-sensitive")
	d.skip()
	return false
}

// warn notes what is odd about the current member, but isn't wrong.
func (d *decoder) warn(msg string) {
	if len(d.warnings) < maxErrors {
		line, column := d.r.Position(d.r.Offset())
		d.warnings = append(d.warnings, &FieldError{Path: d.where(), Msg: msg, Line: line, Column: column})
	}
}

func decodeString[T ~string](d *decoder, v *T) {
	if d.want(jsontext.String) {
		*v = T(d.r.ReadString())
	}
}

func decodeBool(d *decoder, v *bool) {
	if d.want(jsontext.Bool) {
		*v = d.r.ReadBool()
	}
}

func decodeInt[T ~int | ~int32 | ~int64](d *decoder, v *T) {
	number(d, func(text string) error {
		i, err := jsontext.ParseInt(text, int(unsafe.Sizeof(*v)*8))
		*v = T(i)
		return err
	})
}

func decodeUint[T ~uint | ~uint16 | ~uint32 | ~uint64](d *decoder, v *T) {
	number(d, func(text string) error {
		i, err := jsontext.ParseUint(text, int(unsafe.Sizeof(*v)*8))
		*v = T(i)
		return err
	})
}

// number reads a number and notes what parse has to say against it.
func number(d *decoder, parse func(string) error) {
	if !d.want(jsontext.Number) {
		return
	}
	offset := d.r.Offset()
	text := d.r.ReadNumber()
	if d.r.Err() != nil {
		return
	}
	if err := parse(text); err != nil {
		d.problem(offset, err.Error())
	}
}

// decodePointer decodes into new memory, or leaves the pointer as it is for a null.
func decodePointer[T any](d *decoder, p **T, f func(*decoder, *T)) {
	if d.r.ReadNull() {
		return
	}
	*p = new(T)
	f(d, *p)
}

func decodeSlice[T any](d *decoder, s *[]T, f func(*decoder, *T)) {
	if !d.want(jsontext.Array) {
		return
	}
	list := make([]T, 0, 4)
	d.path = append(d.path, element{kind: elementIndex})
	top := len(d.path) - 1
	for d.r.BeginArray(); d.r.More(); {
		d.path[top].index = len(list)
		list = append(list, *new(T))
		f(d, &list[len(list)-1])
	}
	if d.r.Err() == nil {
		d.path = d.path[:top]
	}
	*s = list
}

func decodeMap[T any](d *decoder, m *map[string]T, f func(*decoder, *T)) {
	if !d.want(jsontext.Object) {
		return
	}
	*m = make(map[string]T)
	d.path = append(d.path, element{kind: elementKey})
	for d.r.BeginObject(); d.next(); {
		name := d.key
		var v T
		f(d, &v)
		(*m)[name] = v
	}
}
