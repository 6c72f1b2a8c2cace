package spec

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// CheckValue is what is wrong with a configuration that was never a text, if any string of it can't be in one: JSON has no bytes that aren't UTF-8, and those of a
// configuration have no NUL. All else that is wrong with it is found too. What it lets pass is for [Parse], as JSON.
func CheckValue(dir string, s *specs.Spec) error {
	var errs Errors
	errs.strings(reflect.ValueOf(s), nil)
	if len(errs) == 0 {
		return nil
	}
	for _, other := range append(validate(s), rootProblem(dir, s)...) {
		if !slices.ContainsFunc(errs, func(e *FieldError) bool { return e.Path == other.Path }) {
			errs = append(errs, other)
		}
	}
	return errs
}

// rootProblem is what is wrong with the root filesystem's directory.
func rootProblem(dir string, s *specs.Spec) (errs Errors) {
	if s.Root == nil || s.Root.Path == "" {
		return nil
	}
	if _, err := resolveRootfs(dir, s.Root.Path); err != nil {
		errs.add(err.Error(), "root", "path")
	}
	return errs
}

// strings finds the strings of a value that a document can't have.
func (e *Errors) strings(v reflect.Value, path []any) {
	switch v.Kind() {
	case reflect.String:
		e.one(v.String(), path)
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			e.strings(v.Elem(), path)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			e.strings(v.Index(i), append(slices.Clip(path), i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			at := append(slices.Clip(path), key(k.String()))
			e.one(k.String(), at)
			e.strings(v.MapIndex(k), at)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case !f.IsExported() || name == "-":
			case name == "" && f.Anonymous:
				e.strings(v.Field(i), path)
			case name == "":
				e.strings(v.Field(i), append(slices.Clip(path), f.Name))
			default:
				e.strings(v.Field(i), append(slices.Clip(path), name))
			}
		}
	}
}

// one looks at one of them.
func (e *Errors) one(s string, path []any) {
	switch {
	case hasNUL(s):
		e.add(msgNUL, path...)
	case !utf8.ValidString(s):
		e.add("must be UTF-8: a configuration is JSON, which has no other bytes", path...)
	}
}
