package spec

import (
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// All that is wrong with a value is found, also beside what no document could hold.
func TestCheckValue(t *testing.T) {
	s := Example()
	if err := CheckValue("/nowhere", s); err != nil { // what has no root filesystem is for Parse to say
		t.Error(err)
	}
	s.Hostname = "x\x00"
	s.Process.Args = []string{"sh", "\xff"}
	s.Process.Env = []string{"A\x00B=\xff"}
	s.Process.Cwd = "rel"
	s.Root = &specs.Root{Path: "/nowhere"}
	s.Annotations = map[string]string{"b": "\xfe", "a\xff": ""}
	s.Linux.Namespaces[0].Path = "/\xff"
	err := CheckValue("/", s)
	list, ok := errors.AsType[Errors](err)
	if !ok {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range list {
		paths = append(paths, e.Path)
	}
	for _, want := range []string{"hostname", "process.args[1]", "process.env[0]", "process.cwd", "root.path", `annotations["a\xff"]`, `annotations["b"]`, "linux.namespaces[0].path"} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s isn't found: %v", want, paths)
		}
	}
	if len(paths) != 8 {
		t.Errorf("found %v", err)
	}
}
