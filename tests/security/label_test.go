package security

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func appArmor() bool {
	on, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(string(on), "Y")
}

func seLinux() bool {
	_, err := os.Stat("/sys/fs/selinux/enforce")
	return err == nil
}

// R35: a label that was asked for and can't be applied is an error, never a
// container without it.
func TestLabelWithoutLSM(t *testing.T) {
	harness.NeedRung(t, "errors with the path of the field; runc 1.1 takes a mount label")
	const noAppArmor, noSELinux = "apparmor is not enabled on this host", "selinux is not enabled on this host"
	for name, c := range map[string]struct {
		here bool // the host has it: then this can't be tested
		edit harness.Edit
		want string
	}{
		"apparmor":    {appArmor(), func(s *specs.Spec) { s.Process.ApparmorProfile = "x" }, "process.apparmorProfile: " + noAppArmor},
		"unconfined":  {appArmor(), func(s *specs.Spec) { s.Process.ApparmorProfile = "unconfined" }, "process.apparmorProfile: " + noAppArmor},
		"selinux":     {seLinux(), func(s *specs.Spec) { s.Process.SelinuxLabel = "u:r:t:s0" }, "process.selinuxLabel: " + noSELinux},
		"mount label": {seLinux(), func(s *specs.Spec) { s.Linux.MountLabel = "u:object_r:t:s0" }, "linux.mountLabel: " + noSELinux},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			if c.here {
				t.Skip("this host has the security module: its absence can't be tested")
			}
			for _, verb := range []string{"create", "run"} {
				b := harness.New(t, harness.Args("/bin/true"), c.edit)
				b.Container(t, verb).Fails(t, 1, c.want)
			}
		})
	}
	b, pid := living(t)
	defer b.End(t, pid)
	for flag, c := range map[string]struct {
		here bool
		want string
	}{
		"--apparmor=x":             {appArmor(), "process.apparmorProfile: " + noAppArmor},
		"--process-label=u:r:t:s0": {seLinux(), "process.selinuxLabel: " + noSELinux},
	} {
		if !c.here {
			b.Run(t, "exec", flag, b.ID, "/bin/true").Fails(t, 255, c.want)
		}
	}
}

// profile loads an AppArmor profile for the test, which allows everything but to read
// /etc/secret.
func profile(t *testing.T, b *harness.Bundle) string {
	t.Helper()
	name := "rungt-" + b.ID
	parser := func(flag string) {
		t.Helper()
		cmd := exec.Command("apparmor_parser", flag, "--skip-cache")
		cmd.Stdin = strings.NewReader(fmt.Sprintf(`abi <kernel>,
profile %s flags=(attach_disconnected,mediate_deleted) {
	capability, network, mount, remount, umount, pivot_root, signal, ptrace, file,
	deny /etc/secret r,
}
`, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("apparmor_parser %s: %v, %s", flag, err, out)
		}
	}
	parser("--replace")
	t.Cleanup(func() { parser("--remove") })
	return name
}

// The first process, and what is exec'd, run under the profile; in a user
// namespace as well (crun 1.27 had lost it there), and with no_new_privs.
func TestAppArmor(t *testing.T) {
	if !appArmor() {
		t.Skip("this kernel has no AppArmor; make test-vm PKG=security RUN=AppArmor")
	}
	for name, edit := range map[string]harness.Edit{
		"host-root": func(*specs.Spec) {}, "privileges": func(s *specs.Spec) { s.Process.NoNewPrivileges = false },
		"user namespace": mapped,
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Args("/bin/sh", "-c", "cat /proc/self/attr/current; cat /etc/secret; exec sleep 300"), edit)
			b.Write(t, "etc/secret", "secret\n", 0o644)
			p := profile(t, b)
			b.Spec.Process.ApparmorProfile = p
			b.Save(t)
			if name == "user namespace" {
				b.Give(t, 100000, 100000)
			}
			pid, _ := b.Create(t)
			defer b.End(t, pid)
			b.Must(t, "start")
			confined := func(what string, r *harness.Result, want string) {
				t.Helper()
				if r.Stdout != want+"\n" || !strings.Contains(r.Stderr, "ermission denied") {
					t.Errorf("%s: %q, %q, want %s and no secret", what, r.Stdout, r.Stderr, want)
				}
			}
			show := []string{"/bin/sh", "-c", "cat /proc/self/attr/current; cat /etc/secret"}
			run := func(flags ...string) *harness.Result {
				return b.Run(t, append(append(append([]string{"exec"}, flags...), b.ID), show...)...)
			}
			if got, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", pid)); err != nil || string(got) != p+" (enforce)\n" {
				t.Errorf("the init has profile %q, %v, want %s", got, err, p)
			}
			confined("exec", run(), p+" (enforce)")
			if r := run("--apparmor", "unconfined"); r.Stdout != "unconfined\nsecret\n" {
				t.Errorf("exec --apparmor unconfined: %q, %q", r.Stdout, r.Stderr)
			}
			run("--apparmor", "rungt-no-such").Fails(t, 255, "process.apparmorProfile rungt-no-such: write to `/proc/self/attr/apparmor/exec`: no such file or directory")
		})
	}
	b := harness.New(t, harness.Args("/bin/true"), func(s *specs.Spec) { s.Process.ApparmorProfile = "rungt-no-such" })
	b.Container(t, "create").Fails(t, 1, "process.apparmorProfile rungt-no-such: write to `/proc/self/attr/apparmor/exec`: no such file or directory")
}

// mapped puts the container into a user namespace whose root is host id 100000.
func mapped(s *specs.Spec) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
	s.Linux.GIDMappings = s.Linux.UIDMappings
}
