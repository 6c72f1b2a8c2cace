// Package rootless runs containers as an ordinary user, and as one who is root
// of a user namespace only.
package rootless

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// The user of the tests, see [harness.User].
const (
	uid     = harness.UserID
	firstID = harness.FirstSubID
	ids     = harness.SubIDs
)

// asUser is the command line that makes a command the user's.
func asUser() []string { return harness.AsUser() }

// example is what `spec --rootless` writes for the user.
var example = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp(harness.Dir(), "spec-")
	if err == nil {
		err = os.Chown(dir, uid, uid)
	}
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	argv := append(asUser(), harness.Runtime(), "spec", "--rootless", "--bundle", dir)
	if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("spec --rootless: %w: %s", err, text)
	}
	return os.ReadFile(dir + "/config.json")
})

// newBundle makes a bundle of the user's around the example, that he also calls
// the runtime for. It asks for no cgroup.
func newBundle(t *testing.T, edits ...harness.Edit) *harness.Bundle {
	t.Helper()
	if err := harness.User(); err != nil {
		t.Fatal(err)
	}
	text, err := example()
	if err != nil {
		t.Fatal(err)
	}
	own := func(s *specs.Spec) {
		root, args := s.Root, s.Process.Args
		*s = specs.Spec{}
		if err := json.Unmarshal(text, s); err != nil {
			t.Fatal(err)
		}
		s.Root, s.Process.Args, s.Process.Terminal = root, args, false
		s.Root.Readonly = false
	}
	b := harness.New(t, append([]harness.Edit{own}, edits...)...)
	b.GiveUser(t)
	return b
}

// mapping sets both maps.
func mapping(maps ...specs.LinuxIDMapping) harness.Edit {
	return func(s *specs.Spec) { s.Linux.UIDMappings, s.Linux.GIDMappings = maps, slices.Clone(maps) }
}

// ranges are the maps that engines make: the user's own id, all 65,536 ids with
// his own as root (podman), and those of /etc/subuid alone.
var ranges = map[string][]specs.LinuxIDMapping{
	"one id":            {{HostID: uid, Size: 1}},
	"65536 with his":    {{HostID: uid, Size: 1}, {ContainerID: 1, HostID: firstID, Size: ids - 1}},
	"65536 without his": {{HostID: firstID, Size: ids}},
}

// namespace changes where a namespace comes from: "" makes it new, "-" leaves
// it out.
func namespace(kind specs.LinuxNamespaceType, path string) harness.Edit {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
		if path != "-" {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
		}
	}
}

// via puts a shell script before the runtime, as root: its "$@" is the rest.
func via(script string, rest ...string) []string { return harness.Via(script, rest...) }
