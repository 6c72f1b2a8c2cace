package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/release"
)

// An Inventory is what was there before something that may leave a residue.
type Inventory struct{ before residue }

// Take makes the inventory of now.
func Take() *Inventory { return &Inventory{look()} }

// Count is how many there are of each kind: mounts, cgroups, processes, device programs and what else a guard looks at.
func (i *Inventory) Count() map[string]int {
	counts := map[string]int{}
	for line := range i.before {
		kind, _, _ := strings.Cut(line, " ")
		counts[kind]++
	}
	return counts
}

// Left reaps all children of the test's and returns what the inventory doesn't
// have, once that has stopped to shrink: for tests that repeat a fault and want
// to know which repetition left something. No call of the runtime may run.
func (i *Inventory) Left(b *Bundle) []string {
	Reap()
	left := settle(i.before, b, b.Root)
	Reap()
	if len(left) > 0 {
		left = settle(i.before, b, b.Root)
	}
	return left
}

// Reap waits for all children that have ended or are about to, as those of a killed
// runtime, which become the test's, whenever the kernel comes to end them. No call of the
// runtime may run.
func Reap() {
	for range 500 {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case pid > 0 || err == unix.EINTR:
		case err != nil || !dyingChild():
			return
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// dyingChild tells whether a child of ours has been killed, or is exiting, and hasn't
// ended.
func dyingChild() bool {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil && dying("/proc/"+e.Name()) {
			return true
		}
	}
	return false
}

func dying(dir string) bool {
	stat, ok := readStat(dir)
	if !ok || stat.parent != os.Getpid() {
		return false
	}
	if stat.zombie || stat.flags&exiting != 0 {
		return true
	}
	const kill = 1 << (unix.SIGKILL - 1)
	for _, line := range lines(dir + "/status") {
		if name, set, _ := strings.Cut(line, ":"); name == "SigPnd" || name == "ShdPnd" {
			if n, _ := strconv.ParseUint(strings.TrimSpace(set), 16, 64); n&kill != 0 {
				return true
			}
		}
	}
	return false
}

// Program builds the Go program in a directory, relative to the test's, once,
// statically, and returns its path.
func Program(t testing.TB, dir string) string {
	t.Helper()
	out := filepath.Join(Dir(), "go-"+filepath.Base(dir))
	if _, err := os.Stat(out); err != nil {
		if err := goBuild(dir, out, "."); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// UseTagged makes the test use a build of the runtime with build tags.
func UseTagged(t testing.TB, tags string) {
	t.Helper()
	NeedRung(t, "builds with other tags")
	if prebuilt() != "" {
		t.Skip("no Go on this machine to build with tags " + tags)
	}
	module, err := moduleDir()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(Dir(), tags, "rung")
	if _, err := os.Stat(out); err != nil {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags="+release.LinkFlags(runtime.GOARCH), "-tags", release.Tags+","+tags, "-o", out, ".")
		cmd.Dir = filepath.Dir(module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build with tags %s: %v\n%s", tags, err, text)
		}
	}
	t.Setenv("RUNTIME", out)
}

// UseCopy makes the test use a copy of the runtime, which a container may try
// to damage, and returns a function that tells whether it has changed.
func UseCopy(t testing.TB) (path string, changed func() bool) {
	t.Helper()
	path = filepath.Join(TempDir(t), "rung")
	data, err := os.ReadFile(Runtime())
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(data), 0o755)
	if IsRung() {
		t.Setenv("RUNTIME", path)
	}
	sum := Sum(t, path)
	return path, func() bool { return Sum(t, path) != sum }
}

// Sum is the SHA-256 of a file.
func Sum(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// MappedRoot gives the container a new user namespace, in which the host's id
// 100000 and the 65535 above it are 0 and up, and no network namespace's sysfs.
func MappedRoot(s *specs.Spec) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
}

// JoinNS makes the container join the namespace at path in place of a new one.
func JoinNS(kind specs.LinuxNamespaceType, path string) Edit {
	return func(s *specs.Spec) {
		for i := range s.Linux.Namespaces {
			if s.Linux.Namespaces[i].Type == kind {
				s.Linux.Namespaces[i].Path = path
				return
			}
		}
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
	}
}

// WithoutNS leaves the container in the caller's namespace of a kind.
func WithoutNS(kind specs.LinuxNamespaceType) Edit {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
	}
}

// Chown gives the root filesystem of a bundle to the root of [MappedRoot].
func (b *Bundle) Chown(t testing.TB) {
	t.Helper()
	for _, d := range []string{"", "dev", "etc", "proc", "sys", "tmp", "root"} {
		if err := os.Chown(filepath.Join(b.Rootfs, d), 100000, 100000); err != nil {
			t.Fatal(err)
		}
	}
}

// DropMount removes the mount at a destination.
func DropMount(dest string) Edit {
	return func(s *specs.Spec) {
		list := s.Mounts[:0:0]
		for _, m := range s.Mounts {
			if m.Destination != dest && !strings.HasPrefix(m.Destination, dest+"/") {
				list = append(list, m)
			}
		}
		s.Mounts = list
	}
}

// AddMount adds mounts at the end.
func AddMount(list ...specs.Mount) Edit {
	return func(s *specs.Spec) { s.Mounts = append(s.Mounts, list...) }
}

// Capabilities adds capabilities to all sets but the ambient one.
func Capabilities(names ...string) Edit {
	return func(s *specs.Spec) {
		c := s.Process.Capabilities
		if c == nil {
			c = new(specs.LinuxCapabilities)
			s.Process.Capabilities = c
		}
		c.Bounding = append(c.Bounding, names...)
		c.Effective = append(c.Effective, names...)
		c.Permitted = append(c.Permitted, names...)
	}
}
