package differ

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/report"
)

func TestMounts(t *testing.T) {
	n := &naming{devices: map[string]string{"254:0": "the host's /"}, groups: map[string]bool{"7": true}}
	const text = `30 1 254:0 /b/rootfs / rw - ext4 /dev/vda rw
35 31 0:50 / /tmp ro shared:9 - tmpfs tmpfs rw
31 30 0:50 / /tmp rw master:7 - tmpfs tmpfs rw,size=4k
33 30 0:51 / /proc rw - proc proc rw
`
	s := new(Sight)
	n.mounts(s, "", report.ParseMounts(text))
	want := map[string]string{
		"mount /":                    "ext4 from /dev/vda, root /b/rootfs, device the host's /",
		"mount / on":                 "nothing",
		"mount /tmp":                 "tmpfs from tmpfs, root /, device new",
		"mount /tmp propagation":     "master:host",
		"mount /tmp (2)":             "tmpfs from tmpfs, root /, device that of /tmp",
		"mount /tmp on (2)":          "/tmp",
		"mount /tmp propagation (2)": "shared:own",
		"mount /tmp flags (2)":       "ro",
		"mount /proc":                "proc from proc, root /, device new",
	}
	for key, value := range want {
		if got := s.Get(key); got != value {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
}

func TestTarget(t *testing.T) {
	for link, want := range map[string]string{
		"pipe:[123]": "pipe", "socket:[5]": "socket", "/dev/pts/12": "/dev/pts/N", "/dev/null": "/dev/null", "anon_inode:[eventpoll]": "anon_inode:[eventpoll]",
	} {
		if got := target(link); got != want {
			t.Errorf("target(%q) = %q, want %q", link, got, want)
		}
	}
}

func TestInside(t *testing.T) {
	s := new(Sight)
	if !inside(s, "x ", "noise\r\narg\ta\r\narg\tb\r\nenv\tB=2\r\nenv\tA=1\r\nEND\r\nlater\tz\r\n") {
		t.Error("the end isn't seen")
	}
	if got, want := strings.TrimSpace(s.String()), "x arg: a\nx arg (2): b\nx env A: A=1\nx env B: B=2\nsaid x output: noise"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if inside(new(Sight), "", "arg\ta\n") {
		t.Error("an end is seen where there is none")
	}
}

func TestHookLine(t *testing.T) {
	n := &naming{namespaces: map[string]string{"net:[1]": "host"}}
	s := new(Sight)
	n.hookLine(s, "arg=inside\targ=hook\targ=poststop\tcwd=/x\tns=net:[1]\tns=pid:[2]\tfd=0\tfd=1\tenv=A=1\tstate={\"id\":\"c\",\\012\"pid\":77}\n")
	for key, want := range map[string]string{
		"hook poststop cwd": "/x", "hook poststop namespaces": "net host, pid own", "hook poststop fds": "0 1", "hook poststop env": `["A=1"]`,
		"hook poststop state id": "c", "hook poststop state pid": "a pid",
	} {
		if got := s.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	sight := func(lines ...Line) *Sight { return &Sight{Lines: lines} }
	a := sight(Line{"x", "1"}, Line{"y", "2"}, Line{"do run", "exit 0"})
	if d := compare(a, sight(Line{"do run", "exit 0"}, Line{"x", "1"}, Line{"z", "3"})); len(d) != 2 || d[0] != (Difference{"y", "2", absent}) || d[1] != (Difference{"z", absent, "3"}) {
		t.Errorf("compare() = %v", d)
	}
	if d := compare(a, sight(Line{"do run", "exit 1"})); len(d) != 1 || d[0].Key != "do run" {
		t.Errorf("with other outcomes compare() = %v, want the outcome alone", d)
	}
}
