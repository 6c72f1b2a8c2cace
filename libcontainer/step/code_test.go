package step

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rung-oci/rung/libcontainer/mount/option"
	"github.com/rung-oci/rung/libcontainer/wire"
)

// fill gives every field a value of its own, so that one that is forgotten on
// the way is seen.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() == reflect.TypeFor[option.Options]() && decided[v.Type().Field(i).Name] {
				continue
			}
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]Step]() {
			var list []Step
			for _, f := range kinds {
				s := f()
				fill(t, reflect.ValueOf(s).Elem(), n)
				list = append(list, s)
			}
			v.Set(reflect.ValueOf(list))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case reflect.Int:
		v.SetInt(int64(*n) - 1000)
	case reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(uint64(*n) + 1000)
	case reflect.String:
		v.SetString(strings.Repeat("é\x00", *n%7+1))
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no value for a %v", v.Type())
	}
}

// decided are the options that package plan has turned into the step's other
// fields (From, Index) or refused. They don't travel.
var decided = map[string]bool{"Named": true, "Bind": true, "Recursive": true, "Remount": true, "IDMap": true, "RIDMap": true}

func TestStepsTravel(t *testing.T) {
	for i, f := range kinds {
		n := 0
		s := f()
		if got := number(s); got != uint32(i) {
			t.Errorf("number(%T) = %d, want %d", s, got, i)
		}
		for _, filled := range []bool{false, true} {
			if filled {
				fill(t, reflect.ValueOf(s).Elem(), &n)
			}
			c := wire.NewEncoder(0)
			want := []Step{s, &Finish{Propagation: 5}}
			Code(c, &want)
			var got []Step
			d := wire.NewDecoder(c.Bytes())
			Code(d, &got)
			if d.Err() != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%T (filled %v) arrives as %+v, %v, want %+v", s, filled, got[0], d.Err(), s)
			}
		}
		if s.String() == "" {
			t.Errorf("%T has no text", s)
		}
	}
}

func TestOrdersTravel(t *testing.T) {
	var want, got Orders
	n := 0
	fill(t, reflect.ValueOf(&want).Elem(), &n)
	c := wire.NewEncoder(0)
	want.Code(c)
	d := wire.NewDecoder(c.Bytes())
	got.Code(d)
	if d.Err() != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("orders arrive as %+v, %v, want %+v", got, d.Err(), want)
	}
	for i := range c.Bytes() { // cut anywhere: an error
		d := wire.NewDecoder(c.Bytes()[:i:i])
		if new(Orders).Code(d); d.Err() == nil {
			t.Errorf("orders cut at %d of %d: no error", i, len(c.Bytes()))
		}
	}
}

// Each truth value by itself, lest two be exchanged.
func TestOrdersBooleans(t *testing.T) {
	v := reflect.TypeFor[Orders]()
	for i := range v.NumField() {
		if v.Field(i).Type.Kind() != reflect.Bool {
			continue
		}
		var want, got Orders
		reflect.ValueOf(&want).Elem().Field(i).SetBool(true)
		c := wire.NewEncoder(0)
		want.Code(c)
		got.Code(wire.NewDecoder(c.Bytes()))
		got.Steps = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("with %s alone orders arrive as %+v", v.Field(i).Name, got)
		}
	}
}

// A step of a type that we don't know is an error: it must not be left out.
func TestUnknownStep(t *testing.T) {
	for _, kind := range []byte{byte(len(kinds)), 127} {
		d := wire.NewDecoder([]byte{1, kind, 0, 0})
		var steps []Step
		if Code(d, &steps); d.Err() == nil {
			t.Errorf("a step of type %d: no error, steps %v", kind, steps)
		}
	}
}

func FuzzOrders(f *testing.F) {
	var t testing.T
	var o Orders
	n := 0
	fill(&t, reflect.ValueOf(&o).Elem(), &n)
	c := wire.NewEncoder(0)
	o.Code(c)
	f.Add(c.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, block []byte) {
		var a, b Orders
		d := wire.NewDecoder(block)
		a.Code(d)
		if len(a.Steps)+len(a.Own)+len(a.Relocs) > len(block) {
			t.Errorf("%d steps of %d bytes", len(a.Steps), len(block))
		}
		if d.Err() != nil {
			return
		}
		e := wire.NewEncoder(0)
		a.Code(e)
		d = wire.NewDecoder(e.Bytes())
		if b.Code(d); d.Err() != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("decoded again: %+v, %v, want %+v", b, d.Err(), a)
		}
	})
}

func TestResolve(t *testing.T) {
	fds := []int{10, 11, 12, 13, 14}
	o := Orders{Progress: 0, Arena: 1, Cgroup: -1, Trace: -1, Exe: 2, Own: []FDSlot{{8, 3}, {16, -1}}}
	if err := o.Resolve(fds); err != nil {
		t.Fatal(err)
	}
	want := Orders{Progress: 10, Arena: 11, Cgroup: -1, Trace: -1, Exe: 12, Own: []FDSlot{{8, 13}, {16, -1}}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("Resolve = %+v, want %+v", o, want)
	}
	for _, bad := range []Orders{{Progress: 5}, {Arena: 1 << 30}, {Cgroup: 5}, {Exe: 5}, {Own: []FDSlot{{0, 5}}}} {
		if err := bad.Resolve(fds); !errors.Is(err, wire.ErrShort) {
			t.Errorf("Resolve of %+v = %v, want %v", bad, err, wire.ErrShort)
		}
	}
}
