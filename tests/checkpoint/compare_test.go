package checkpoint

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// fields are what a container's first process is and has, by names.
func (x *trial) fields(t *testing.T) map[string]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", x.pid)
	found := map[string]string{}
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(string(text))
	}
	for line := range strings.Lines(read(dir + "status")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Umask", "Name", "SigIgn", "SigCgt":
			found["status "+name] = strings.TrimSpace(value)
		}
	}
	for _, file := range []string{"limits", "oom_score_adj", "attr/current", "cmdline", "environ", "cgroup", "personality", "sched", "timerslack_ns", "uid_map", "gid_map", "setgroups"} {
		if file != "sched" {
			found[file] = read(dir + file)
		}
	}
	for _, file := range []string{"cwd", "exe", "fd/0", "fd/1", "fd/2"} {
		found[file], _ = os.Readlink(dir + file)
	}
	for line := range strings.Lines(read(dir + "mountinfo")) {
		f := strings.Fields(line)
		found["mount "+f[4]] = strings.Join(slices.Concat(f[3:4], f[5:]), " ")
	}
	cgroup := "/sys/fs/cgroup" + strings.TrimPrefix(found["cgroup"], "0::")
	for _, pattern := range []string{"*.max", "*.min", "*.low", "*.high", "*.weight", "cpu.idle", "cpuset.cpus", "cpuset.mems", "cgroup.freeze", "memory.oom.group"} {
		list, _ := filepath.Glob(cgroup + "/" + pattern)
		for _, file := range list {
			found["cgroup "+filepath.Base(file)] = read(file)
		}
	}
	// What only the container can tell.
	r := x.call(t, "exec", x.ID, "/bin/sh", "-c", `hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced; ip -o link show lo | grep -c UP
		[ -e /dev/k ] || mknod /dev/k c 1 11; cat /dev/k 2>&1; for f in /dev/* /data/kept; do stat -c "%n %a %u %g %t:%T %F" $f; done; cat /proc/kcore /proc/keys | wc -c; ls /sys/firmware | wc -l; chmod 700 / 2>&1; echo x >/proc/sys/kernel/domainname`)
	found["exec"] = r.Stdout + r.Stderr
	return found
}

// After a restore everything is what it was, and every verb works.
func TestFields(t *testing.T) {
	need(t)
	for _, scope := range []bool{false, true} {
		t.Run(fmt.Sprintf("scope %v", scope), func(t *testing.T) {
			x := newTrial(t, "", everything)
			x.Write(t, "data/kept", "x", 0o4751)
			if scope {
				if _, err := os.Stat("/run/systemd/system"); err != nil {
					t.Skip("systemd doesn't run this machine")
				}
				x.global = []string{"--systemd-cgroup"}
				x.Spec.Linux.CgroupsPath = "system.slice:rungt:" + x.ID
				x.Save(t)
			}
			err := caught(func() {
				x.start(t)
				before := x.fields(t)
				x.checkpoint(t, x.images())
				x.gone(t)
				x.restored(t, x.images())
				x.goesOn(x.last())
				x.same(t, before, x.fields(t))
				if r := x.call(t, "inspect", x.ID); r.Code != 0 {
					t.Errorf("it isn't what its configuration asks for: %v", r)
				}
				x.verbs(t)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func (x *trial) same(t *testing.T, before, after map[string]string) {
	t.Helper()
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != after[name] {
			t.Errorf("%s was %q, and is %q", name, before[name], after[name])
		}
	}
	if len(before) < 60 {
		t.Errorf("only %d fields were compared", len(before))
	}
}

// everything is a configuration with something of everything.
func everything(s *specs.Spec) {
	s.Hostname, s.Domainname = "restored", "domain"
	s.Process.User = specs.User{UID: 0, GID: 0, AdditionalGids: []uint32{7, 5000}}
	s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 321, Hard: 654}, {Type: "RLIMIT_CORE", Soft: 0, Hard: 5}}
	s.Process.OOMScoreAdj = ptr(123)
	s.Process.NoNewPrivileges = true
	s.Process.Env = append(s.Process.Env, "KEPT=yes")
	harness.Capabilities("CAP_MKNOD", "CAP_SYS_CHROOT")(s)
	s.Process.Capabilities.Ambient = []string{"CAP_KILL"}
	s.Process.Capabilities.Inheritable = []string{"CAP_KILL"}
	s.Linux.Sysctl = map[string]string{"net.ipv4.ip_unprivileged_port_start": "7", "kernel.shm_rmid_forced": "1"}
	s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: ptr(int64(300 << 20)), Reservation: ptr(int64(100 << 20))}
	s.Linux.Resources.CPU = &specs.LinuxCPU{Shares: ptr(uint64(2048)), Quota: ptr(int64(90000)), Period: ptr(uint64(100000)), Cpus: "0-1"}
	s.Linux.Resources.Pids = &specs.LinuxPids{Limit: ptr(int64(50))}
	s.Linux.Seccomp = &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"chmod", "fchmodat", "fchmodat2"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(19))}},
	}
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/limited", Type: "tmpfs", Source: "tmpfs", Options: []string{"noexec", "nosuid", "size=2m", "mode=711"}})
}

// verbs calls them.
func (x *trial) verbs(t *testing.T) {
	t.Helper()
	if r := x.call(t, "exec", x.ID, "/bin/echo", "hi"); r.Stdout != "hi\n" || r.Code != 0 {
		fail("exec: %v", r)
	}
	x.must(t, "update", "--pids-limit", "40", "--memory", "250m", x.ID)
	if f := x.fields(t); f["cgroup pids.max"] != "40" || f["cgroup memory.max"] != fmt.Sprint(250<<20) {
		fail("after an update pids.max is %s, memory.max %s", f["cgroup pids.max"], f["cgroup memory.max"])
	}
	x.must(t, "pause", x.ID)
	if r := x.call(t, "state", x.ID); !strings.Contains(r.Stdout, `"paused"`) {
		fail("after a pause: %v", r)
	}
	x.must(t, "resume", x.ID)
	x.goesOn(x.read())
	if r := x.call(t, "events", "--stats", x.ID); r.Code != 0 || !strings.Contains(r.Stdout, `"pids":{"current":`) {
		fail("events: %v", r)
	}
	if r := x.call(t, "ps", x.ID); r.Code != 0 || !strings.Contains(r.Stdout, fmt.Sprint(x.pid)) {
		fail("ps: %v", r)
	}
	// And a second time.
	os.RemoveAll(x.images())
	x.checkpoint(t, x.images())
	x.gone(t)
	x.restored(t, x.images())
	x.goesOn(x.last())
	x.must(t, "kill", x.ID, "KILL")
	harness.Wait(t, x.pid)
	x.must(t, "delete", x.ID)
	x.ReapAll(t)
}
