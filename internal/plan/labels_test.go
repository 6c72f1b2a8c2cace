package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// No kernel here has SELinux or AppArmor enabled: a tree of files takes what
// theirs would.
func TestLabelsWritten(t *testing.T) {
	const label, profile = "system_u:system_r:container_t:s0:c1,c2", "box//&:ns:box"
	for name, c := range map[string]struct {
		process      specs.Process
		file         string // of AppArmor
		noNewKeyring bool
		want         map[string]string
	}{
		"apparmor":       {specs.Process{ApparmorProfile: profile}, "attr/apparmor/exec", false, map[string]string{"attr/apparmor/exec": "exec " + profile}},
		"shared file":    {specs.Process{ApparmorProfile: profile}, "attr/exec", false, map[string]string{"attr/exec": "exec " + profile}},
		"selinux":        {specs.Process{SelinuxLabel: label}, "", false, map[string]string{"attr/exec": label, "attr/keycreate": label}},
		"no new keyring": {specs.Process{SelinuxLabel: label}, "", true, map[string]string{"attr/exec": label}},
		"both": {specs.Process{SelinuxLabel: label, ApparmorProfile: profile}, "attr/apparmor/exec", true, map[string]string{
			"attr/exec": label, "attr/apparmor/exec": "exec " + profile,
		}},
		"none": {specs.Process{}, "", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tree := attrTree(t)
			got := play(t, &specs.Spec{Process: &c.process}, func(p *planner) {
				p.host.AppArmor, p.opt.NoNewKeyring = c.file, c.noNewKeyring
				p.labels(fakeProc(t, p, tree))
			})
			if got != "" {
				t.Fatal(got)
			}
			for _, file := range attrFiles {
				data, err := os.ReadFile(filepath.Join(tree, "self", file))
				if err != nil || string(data) != c.want[file] {
					t.Errorf("%s has %q, %v, want %q", file, data, err, c.want[file])
				}
			}
		})
	}
}

var attrFiles = []string{"attr/exec", "attr/keycreate", "attr/apparmor/exec"}

func attrTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range attrFiles {
		f = filepath.Join(dir, "self", f)
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// fakeProc opens the tree where the tape expects a procfs.
func fakeProc(t *testing.T, p *planner, tree string) nsenter.Slot {
	t.Helper()
	fd, err := unix.Open(tree, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	slot := p.t.FDSlot()
	p.t.Call("", unix.SYS_FCNTL, nsenter.Int(fd), nsenter.Int(unix.F_DUPFD_CLOEXEC), nsenter.Int(0)).IntoFD(slot)
	return slot
}

// A label is written to the kernel's file or not at all (CVE-2019-19921): not to
// what is mounted over it, nor where a link of the kernel's leads. The error has
// the path in the quotes by which Podman knows it.
func TestLabelsRefused(t *testing.T) {
	tree := attrTree(t)
	s := &specs.Spec{Process: &specs.Process{SelinuxLabel: "u:r:t:s0"}}
	write := func(p *planner) { p.opt.NoNewKeyring = true; p.labels(fakeProc(t, p, tree)) }
	target := filepath.Join(tree, "self/attr/exec")
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if got, want := play(t, s, write), "process.selinuxLabel: write to `/proc/self/attr/exec`: no such file or directory"; got != want {
		t.Errorf("no file: %q, want %q", got, want)
	}
	if err := os.Symlink("/proc/self/fd/1", target); err != nil {
		t.Fatal(err)
	}
	if got := play(t, s, write); !strings.HasPrefix(got, "process.selinuxLabel: write to `/proc/self/attr/exec`: ") {
		t.Errorf("a link out of the mount: %q", got)
	}
	// The same with the kernel's own files: this kernel has no such module, or refuses the label.
	got := play(t, s, func(p *planner) { p.opt.NoNewKeyring = true; p.labels(fakeProc(t, p, "/proc")) })
	if !strings.HasPrefix(got, "process.selinuxLabel: write to `/proc/self/attr/exec`: ") {
		t.Errorf("an unknown label: %q", got)
	}
}
