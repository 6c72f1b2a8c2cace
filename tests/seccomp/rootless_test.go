package seccomp

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// ordinary is the id of an ordinary user, who has nothing but this.
const ordinary = 100042

// rootless makes a caller an ordinary user's, with the configuration that spec
// --rootless writes.
func rootless(t *testing.T, profile *specs.LinuxSeccomp, nnp bool, args ...string) *harness.Bundle {
	t.Helper()
	via := []string{"setpriv", fmt.Sprint("--reuid=", ordinary), fmt.Sprint("--regid=", ordinary), "--clear-groups"}
	dir := harness.TempDir(t)
	if err := os.Chown(dir, ordinary, ordinary); err != nil {
		t.Fatal(err)
	}
	argv := append(via, harness.Runtime(), "spec", "--rootless", "--bundle", dir)
	if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("spec --rootless: %v: %s", err, text)
	}
	data, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		t.Fatal(err)
	}
	b := newCaller(t, nil, func(s *specs.Spec) {
		root, args := s.Root, s.Process.Args
		*s = specs.Spec{}
		if err := json.Unmarshal(data, s); err != nil {
			t.Fatal(err)
		}
		s.Root, s.Process.Args, s.Process.Terminal, s.Root.Readonly = root, args, false, false
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil // newCaller would chown to root's map
		s.Process.NoNewPrivileges = nnp
		s.Linux.Seccomp = profile
	}, args...)
	one := []specs.LinuxIDMapping{{HostID: ordinary, Size: 1}}
	b.Spec.Linux.UIDMappings, b.Spec.Linux.GIDMappings = one, one
	b.Save(t)
	b.Via = via
	b.GiveAll(t, ordinary)
	return b
}

// TestRootless filters an ordinary user's containers.
func TestRootless(t *testing.T) {
	for _, nnp := range []bool{true, false} {
		t.Run(fmt.Sprint("no_new_privs ", nnp), func(t *testing.T) {
			harness.Share(t)
			r := rootless(t, rule(specs.ActErrno, number(71)), nnp, "plain").Container(t, "run")
			r.Silent(t)
			if line(r.Stdout, "main") != "errno 71" || line(r.Stdout, "NoNewPrivs:") != map[bool]string{true: "1", false: "0"}[nnp] {
				t.Errorf("%v", r)
			}
			a := newAgent(t, edit)
			b := rootless(t, asking(a.path, "times", "getpgrp"), nnp, "plain")
			pid, r := b.Create(t)
			if st := a.state(t); st.Pid != pid {
				t.Errorf("container process state %+v", st)
			}
			b.Must(t, "start")
			if ws := harness.Wait(t, pid); ws != 0 || line(r.Reread(t), "main") != "result 4321" {
				t.Errorf("status %x: %s", ws, r.Reread(t))
			}
			b.Must(t, "delete")
		})
	}
	b := rootless(t, asking("/nothing", "sendmsg"), true, "plain")
	b.Container(t, "run").Fails(t, 1, "linux.seccomp")
}
