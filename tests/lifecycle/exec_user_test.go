package lifecycle

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A number is always that id, whatever the container's files call it; what isn't
// one, or none that a kernel has, starts nothing (CVE-2026-2272 and its like).
func TestExecUserNumbers(t *testing.T) {
	harness.Share(t)
	b, pid := running(t, writable)
	defer b.End(t, pid)
	b.Write(t, "etc/passwd", "1000:x:0:0::/:/bin/sh\n0x1:x:0:0::/:/bin/sh\n-1:x:0:0::/:/bin/sh\n", 0o644)
	const leave = "touch /tmp/started; id -u; id -g"
	for value, want := range map[string]string{"1000": "1000 0", "1": "1 0", "1:1": "1 1", "0:1000": "0 1000"} {
		if r := execIn(t, b, []string{"--user=" + value}, "sh", "-c", leave); strings.Join(strings.Fields(r.Stdout), " ") != want {
			t.Errorf("--user %q: want %q: %s", value, want, r)
		}
	}
	execIn(t, b, nil, "rm", "/tmp/started").Silent(t)
	for _, value := range []string{
		"-1", "-4294967296", "4294967295", "4294967296", "1:99999999999", "18446744073709551617", "1:-1", "1:4294967295", " 1", "1 ", "nobodyatall", "0:nogroup",
	} {
		execIn(t, b, []string{"--user=" + value}, "sh", "-c", leave).Fails(t, 255, "")
	}
	for _, value := range []string{"", "-1", "x", "4294967295", "4294967296", "1,2", "0x1"} {
		execIn(t, b, []string{"--additional-gids=" + value}, "sh", "-c", leave).Fails(t, 255, "")
	}
	for _, user := range []string{
		`{"uid":4294967295}`, `{"uid":-1}`, `{"uid":4294967296}`, `{"gid":4294967295}`, `{"additionalGids":[4294967295]}`, `{"additionalGids":[-1]}`, `{"uid":"0"}`,
	} {
		b.Write(t, "../process.json", `{"cwd":"/","args":["sh","-c","`+leave+`"],"user":`+user+`}`, 0o644)
		b.Run(t, "exec", "--process", b.Dir+"/process.json", b.ID).Fails(t, 255, "")
	}
	if r := execIn(t, b, nil, "ls", "/tmp/started"); r.Code == 0 {
		t.Error("a refused exec ran its program")
	}
}

// Capabilities are exactly those asked for; inheritable and ambient ones are
// nobody's (CVE-2022-29162), and an ordinary user has none. A configuration
// without capabilities means none, bounding included; a set-user-id program
// gets nothing with no_new_privs.
func TestExecCapabilities(t *testing.T) {
	some := harness.Capabilities("CAP_NET_BIND_SERVICE", "CAP_KILL", "CAP_AUDIT_WRITE")
	none := func(s *specs.Spec) { s.Process.Capabilities = nil }
	empty := func(s *specs.Spec) { s.Process.Capabilities = &specs.LinuxCapabilities{} }
	exact := func(s *specs.Spec) {
		some(s)
		c := s.Process.Capabilities
		c.Effective, c.Permitted, c.Inheritable, c.Ambient = c.Bounding, c.Bounding, nil, nil
	}
	const have, raw, nothing = "0000000020000420", "0000000020002420", "0000000000000000"
	for name, c := range map[string]struct {
		edit                     harness.Edit
		flags                    string
		permitted, effective, in string
	}{
		"configured":    {exact, "", have, have, have},
		"added":         {exact, "-c CAP_NET_RAW", raw, raw, raw},
		"ordinary user": {exact, "-u 1000", nothing, nothing, have},
		"absent":        {none, "", nothing, nothing, nothing},
		"empty":         {empty, "", nothing, nothing, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			harness.Share(t)
			b, pid := running(t, c.edit, writable)
			defer b.End(t, pid)
			r := execIn(t, b, strings.Fields(c.flags), "grep", "Cap", "/proc/self/status")
			want := "CapInh:\t" + nothing + "\nCapPrm:\t" + c.permitted + "\nCapEff:\t" + c.effective + "\nCapBnd:\t" + c.in + "\nCapAmb:\t" + nothing + "\n"
			if r.Stdout != want {
				t.Errorf("want\n%s, got %s", want, r)
			}
		})
	}
	b, pid := running(t, exact, writable)
	defer b.End(t, pid)
	execIn(t, b, nil, "sh", "-c", "cp /bin/probe /tmp/probe && chmod 4755 /tmp/probe").Silent(t)
	for flag, want := range map[string]string{"--no-new-privs=true": nothing, "--no-new-privs=false": have} {
		if got := execIn(t, b, []string{"-u", "1000", flag}, "/tmp/probe").Report(t).Status["CapEff"]; got != want {
			t.Errorf("set-user-id program with %s: CapEff %s, want %s", flag, got, want)
		}
	}
}
