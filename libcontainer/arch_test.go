package libcontainer

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/rung-oci/rung/"

// layers lists the packages from the bottom up. A package may import those of
// layers below its own, never its own or one above.
var layers = [][]string{
	{"internal/fdio", "internal/nap", "internal/suggest"},
	{"internal/testbed"},
	{
		"nsenter", "seccomp", "cgroups/cgfile",
		"internal/cancel", "internal/caps", "internal/cpulist", "internal/digest", "internal/early", "internal/fault", "internal/inherited", "internal/jsontext", "internal/leftover", "internal/lsm", "internal/mount/option", "internal/netdev",
		"internal/proc", "internal/program", "internal/resctrl", "internal/seal", "internal/thread", "internal/trap", "internal/tty", "internal/user",
		"internal/wire",
	},
	{"internal/calls", "internal/spawn"},
	{"internal/calls/callstest"},
	{"internal/rootfs"},
	{"cgroups", "cgroups/device", "internal/criu", "internal/hook", "internal/timeline", "internal/mount", "internal/pty", "internal/spec", "internal/state"},
	{"cgroups/gauge", "cgroups/v2", "internal/audit", "internal/blockers", "internal/idmap", "internal/inspect", "internal/preset", "internal/step"},
	{"internal/fleet", "internal/image", "internal/source", "internal/top"},
	{"cgroups/v1", "internal/plan"},
	{"cgroups/systemd", "internal/launch", "internal/preview"},
	{"cgroups/choose"},
	{"cgroups/cgtest", "libcontainer"},
	{"internal/doctor"},
	{"cli", "cli/entry"},
	{""}, // main
}

// testOnly are packages that only tests import, and each other.
var testOnly = []string{"cgroups/cgtest", "internal/calls/callstest", "internal/testbed"}

// guarded are the directories whose packages run their tests by testbed.Main.
var guarded = []string{"cgroups", "internal", "libcontainer", "nsenter"}

// homes says which packages may import what isn't ours, or is only one of several. The rest is
// allowed everywhere, as far as the layers go.
var homes = map[string][]string{
	"github.com/urfave/cli/v3":             {"cli"},
	"github.com/sirupsen/logrus":           {"cli"},
	"github.com/cilium/ebpf/asm":           {"cgroups/device"},
	"github.com/godbus/dbus/v5":            {"cgroups/systemd"},
	"github.com/vishvananda/netlink/nl":    {"internal/netdev"},
	"github.com/vishvananda/netlink":       {},
	"github.com/vishvananda/netns":         {"internal/netdev"},
	module + "cgroups/systemd":             {"cgroups/choose"},
	"encoding/json":                        {"cli", "libcontainer", "internal/spec/gen"},
	"os/exec":                              {"cgroups/cgtest"},
	"os/user":                              {},
	"net":                                  {"cgroups/systemd"},
	"reflect":                              {"internal/spec", "internal/spec/gen"}, // only of a value that a program has made
	"regexp":                               {"seccomp/gen"},
	"io/ioutil":                            {},
	"github.com/opencontainers/runc":       {},
	"github.com/seccomp/libseccomp-golang": {"seccomp", "seccomp/gen"},
}

// maxLines is the longest that a file may be, unless a program wrote it.
const maxLines = 500

// TestArchitecture reads the sources, and not what the go command says of
// them, so that the test cache sees every change.
func TestArchitecture(t *testing.T) {
	layer := make(map[string]int)
	for i, l := range layers {
		for _, p := range l {
			layer[p] = i
		}
	}
	files, mains := 0, make(map[string]bool)
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "tests" || name == "examples" || name == "testdata" || name != ".." && strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			files++
			check(t, file, layer, mains)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, has := range mains {
		if !has {
			t.Errorf("%s: its tests don't run by testbed.Main, and so may leave descriptors open", dir)
		}
	}
	if files < 100 {
		t.Errorf("only %d files seen: the walk has missed the tree", files)
	}
}

func check(t *testing.T, file string, layer map[string]int, mains map[string]bool) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rel := filepath.ToSlash(strings.TrimPrefix(file, "../"))
	base := path.Base(rel)
	if n := bytes.Count(src, []byte("\n")); n > maxLines && !strings.HasPrefix(base, "zz_generated_") && !strings.HasSuffix(base, "_test.go") {
		t.Errorf("%s has %d lines, more than %d", rel, n, maxLines)
	}
	for _, bad := range []string{"util", "utils", "common", "helpers", "misc"} {
		if slices.Contains(strings.Split(strings.TrimSuffix(rel, ".go"), "/"), bad) {
			t.Errorf("%s: the name %q says nothing about what is inside", rel, bad)
		}
	}
	if dir, of := path.Dir(rel), strings.Split(rel, "/")[0]; strings.HasSuffix(base, "_test.go") && slices.Contains(guarded, of) {
		mains[dir] = mains[dir] || bytes.Contains(src, []byte("Main(m)"))
	}
	if strings.HasSuffix(base, "_test.go") {
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	pkg := strings.TrimSuffix(path.Dir(rel), ".")
	for _, imp := range f.Imports {
		name, _ := strconv.Unquote(imp.Path.Value)
		checkImport(t, rel, pkg, name, layer)
	}
}

func checkImport(t *testing.T, file, pkg, name string, layer map[string]int) {
	t.Helper()
	if home, ok := homes[name]; ok && !slices.Contains(home, pkg) {
		t.Errorf("%s imports %s, which belongs into %q only", file, name, home)
	}
	ours, ok := strings.CutPrefix(name, module)
	if !ok || strings.HasSuffix(pkg, "/gen") {
		return
	}
	if slices.Contains(testOnly, ours) && !slices.Contains(testOnly, pkg) {
		t.Errorf("%s imports %s, which is for tests only", file, ours)
	}
	mine, known := layer[pkg]
	if !known {
		t.Errorf("%s: package %s has no layer", file, pkg)
		return
	}
	theirs, known := layer[ours]
	if !known || theirs >= mine {
		t.Errorf("%s: %s (layer %d) imports %s (layer %d)", file, pkg, mine, ours, theirs)
	}
}
