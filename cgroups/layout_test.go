package cgroups

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// What a hybrid host has, systemd's co-mounted controllers and a bind mount of
// another container's view included.
const hybridMountinfo = `23 1 0:21 / /sys rw,nosuid - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - tmpfs tmpfs rw,mode=755
90 1 0:32 /docker/abc /var/lib/c/rootfs/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
`

const hybridOwn = `9:name=systemd:/user.slice/a:b.scope
4:memory:/mem
3:net_cls,net_prio:/
2:cpu,cpuacct:/
0::/user.slice/u
`

func TestParseLayout(t *testing.T) {
	docker := `35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
36 31 0:33 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids
`
	for _, c := range []struct{ name, mountinfo, own, want string }{
		{"hybrid", hybridMountinfo, hybridOwn, `hybrid
[]name=systemd /sys/fs/cgroup/systemd root=/ own=/user.slice/a:b.scope
[memory] /sys/fs/cgroup/memory root=/ own=/mem
[cpu,cpuacct] /sys/fs/cgroup/cpu,cpuacct root=/ own=/
unified[] /sys/fs/cgroup/unified root=/ own=/user.slice/u`},
		{"v1 beside somebody's cgroup2", strings.ReplaceAll(hybridMountinfo, "/sys/fs/cgroup/unified", "/run/cilium/cgroupv2"), "4:memory:/\n0::/\n", `legacy
[memory] /sys/fs/cgroup/memory root=/ own=/`},
		{"a container in a container", docker, "5:pids:/docker/abc/x\n4:memory:/docker/ab\n", `legacy
[pids] /sys/fs/cgroup/pids root=/docker/abc own=/docker/abc/x
[memory] /sys/fs/cgroup/memory root=/docker/ab own=/docker/ab`},
		{"cgroup2 alone, elsewhere", "9 1 0:5 / /mnt/a\\040b rw - cgroup2 none rw\n", "0::/x\n", `unified
unified[] /mnt/a b root=/ own=/x`},
		{"a mount on top hides", "9 1 0:5 / /sys/fs/cgroup/pids rw - cgroup c rw,pids\n10 9 0:6 / /sys/fs/cgroup/pids rw - tmpfs t rw\n", "3:pids:/\n", "none"},
		{"nothing", "", "", "none"},
		{"no mounts", "", hybridOwn, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parseLayout([]byte(c.mountinfo), []byte(c.own)).String(); got != c.want {
				t.Errorf("parseLayout() = %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	hybrid := parseLayout([]byte(hybridMountinfo), []byte(hybridOwn))
	v2 := unified([]byte("0::/user.slice/u.scope\n"))
	nested := &Layout{Mode: Legacy, Hierarchies: []Hierarchy{
		{Controllers: []string{"memory"}, Mountpoint: "/sys/fs/cgroup/memory", MountRoot: "/docker/ab", Own: "/docker/ab/me"},
		{Controllers: []string{"pids"}, Mountpoint: "/sys/fs/cgroup/pids", MountRoot: "/docker/ab", Own: "/docker/abc"},
	}}
	all := "=/sys/fs/cgroup/unified/x/y cpu=/sys/fs/cgroup/cpu,cpuacct/x/y cpuacct=/sys/fs/cgroup/cpu,cpuacct/x/y memory=/sys/fs/cgroup/memory/x/y name=systemd=/sys/fs/cgroup/systemd/x/y"
	for _, c := range []struct {
		name, path string
		layout     *Layout
		want       string
	}{
		{"absolute, hybrid", "/x/y", hybrid, all},
		{"absolute, cleaned", "//x/.//y/", hybrid, all},
		{"relative, hybrid", "x", hybrid, "=/sys/fs/cgroup/unified/user.slice/u/x cpu=/sys/fs/cgroup/cpu,cpuacct/x cpuacct=/sys/fs/cgroup/cpu,cpuacct/x memory=/sys/fs/cgroup/memory/mem/x name=systemd=/sys/fs/cgroup/systemd/user.slice/a:b.scope/x"},
		{"absolute, v2", "/x", v2, "=/sys/fs/cgroup/x"},
		{"relative, v2", "x", v2, "=/sys/fs/cgroup/user.slice/x"},
		{"empty, v2", "", v2, "=/sys/fs/cgroup/user.slice/ID"},
		{"relative, v2, in the root cgroup", "x", unified([]byte("0::/\n")), "=/sys/fs/cgroup/x"},
		{"relative, v2, outside of the namespace", "x", unified([]byte("0::/../../a/b\n")), "=/sys/fs/cgroup/a/x"},
		{"relative, nested", "x", nested, "memory=/sys/fs/cgroup/memory/me/x pids=/sys/fs/cgroup/pids/x"},
		{"no hierarchy", "x", &Layout{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.layout.Locate(c.path, "ID")
			if err != nil || got.String() != c.want {
				t.Errorf("Locate(%q) = %v, %v\nwant %v", c.path, got, err, c.want)
			}
		})
	}
}

func TestLocateRefuses(t *testing.T) {
	v2 := unified(nil)
	for _, p := range []string{
		"/", "//", ".", "/.", "..", "/../../../tmp/x", "a/../../..", "a/..", "/a\nb", "/a\x00b",
		"/" + strings.Repeat("x", 256), "/" + strings.Repeat("x/", 2500), strings.Repeat("/x", 2045),
	} {
		loc, err := v2.Locate(p, "ID")
		if err == nil || !strings.HasPrefix(err.Error(), "linux.cgroupsPath: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Locate(%.40q) = %v, %v, want an error for linux.cgroupsPath", p, loc, err)
		}
	}
}

func FuzzLocate(f *testing.F) {
	for _, s := range []string{"/a/b", "a", "..", "a/../b", "//", "a\x00", ".", "/..a/b.."} {
		f.Add(s, "0::/x/y", "35 31 0:32 /r /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory")
	}
	f.Add("/a", hybridOwn, hybridMountinfo)
	f.Fuzz(func(t *testing.T, p, own, mountinfo string) {
		for _, l := range []*Layout{unified([]byte(own)), parseLayout([]byte(mountinfo), []byte(own))} {
			loc, err := l.Locate(p, "id")
			if err != nil {
				continue
			}
			for key, dir := range loc {
				h := l.Hierarchy(key)
				mnt := path.Clean(h.Mountpoint)
				if dir != path.Clean(dir) || mnt != "/" && !strings.HasPrefix(dir, mnt+"/") || dir == mnt {
					t.Errorf("Locate(%q) in %v: %q is not below the mount", p, l, dir)
				}
			}
		}
	})
}

func TestHidden(t *testing.T) {
	hybrid := parseLayout([]byte(hybridMountinfo), []byte(hybridOwn))
	pure := unified(nil)
	here, err := hybrid.Locate("/a", "id")
	if err != nil {
		t.Fatal(err)
	}
	if dirs := hybrid.Hidden(here); len(dirs) > 0 {
		t.Errorf("where it was made: %q", dirs)
	}
	if dirs := pure.Hidden(here); len(dirs) < 2 || !slices.Contains(dirs, "/sys/fs/cgroup/unified/a") {
		t.Errorf("a hybrid host's where there is v2 alone: %q", dirs)
	}
	for layout, want := range map[*Layout]int{pure: 0, hybrid: 1, {}: 1} {
		if dirs := layout.Hidden(Location{"": "/sys/fs/cgroup/a"}); len(dirs) != want {
			t.Errorf("v2's in %v: %q, want %d", layout, dirs, want)
		}
	}
}

func TestOfUnified(t *testing.T) {
	host := unified(nil)
	part := &Layout{Hierarchies: []Hierarchy{{Unified: true, Mountpoint: "/sys/fs/cgroup/unified", MountRoot: "/docker/ab"}}}
	for _, c := range []struct {
		layout     *Layout
		text, want string
	}{
		{host, "0::/a/b\n", "/sys/fs/cgroup/a/b"},
		{host, "4:memory:/x\n0::/a:b\n", "/sys/fs/cgroup/a:b"},
		{host, "0::/\n", "/sys/fs/cgroup"},
		{host, "0::/../other\n", "/sys/fs/other"}, // above our cgroup namespace
		{host, "4:memory:/x\n", ""},
		{part, "0::/docker/ab/c\n", "/sys/fs/cgroup/unified/c"},
		{part, "0::/docker/abc\n", "/sys/fs/cgroup/unified"},
		{&Layout{}, "0::/a\n", ""},
	} {
		if dir, ok := c.layout.Of([]byte(c.text))[""]; dir != c.want || ok != (c.want != "") {
			t.Errorf("Of(%q) = %q, %v, want %q", c.text, dir, ok, c.want)
		}
	}
}

// A process's directories are known in every hierarchy that is mounted, by all of its keys.
func TestOf(t *testing.T) {
	l := &Layout{Mode: Hybrid, Hierarchies: []Hierarchy{
		{Controllers: []string{"cpu", "cpuacct"}, Mountpoint: "/c/cpu,cpuacct", MountRoot: "/"},
		{Controllers: []string{"memory"}, Mountpoint: "/c/memory", MountRoot: "/part"},
		{Name: "systemd", Mountpoint: "/c/systemd", MountRoot: "/"},
		{Unified: true, Mountpoint: "/c/unified", MountRoot: "/"},
	}}
	got := l.Of([]byte("5:cpu,cpuacct:/a\n4:memory:/part/b\n3:freezer:/x\n1:name=systemd:/s:1\n0::/u\nnonsense\n"))
	want := Location{"cpu": "/c/cpu,cpuacct/a", "cpuacct": "/c/cpu,cpuacct/a", "memory": "/c/memory/b", "name=systemd": "/c/systemd/s:1", "": "/c/unified/u"}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
