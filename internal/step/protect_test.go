package step

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMask(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/f1", "root/f2", "root/d1/secret", "root/d2/secret", "root/link -> d3", "root/d3/secret", "root/flink -> f3", "root/f3", "root/p|", "root/up -> ../../../outside", "outside")
		null := b.clone("/dev/null")
		for _, p := range []string{"/missing", "/f1", "/d1", "/f2", "/d2", "/link", "/flink", "/p", "/d1/below", "/up", "/f1/x"} {
			m := &Mask{Path: p, Null: null, Dir: -1}
			if p == "/f1/x" {
				b.fails(m, "open /f1/x: not a directory")
				continue
			}
			b.must(m)
		}
		for _, p := range []string{"/f1", "/f2", "/f3", "/p"} {
			var st unix.Stat_t
			if err := unix.Lstat(b.root+p, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(st.Rdev) != uint64(unix.Mkdev(1, 3)) {
				b.Errorf("%s isn't masked: mode %#o, %v", p, st.Mode, err)
			}
			if got := b.read(p); got != "" {
				b.Errorf("%s holds %q", p, got)
			}
		}
		sb := map[string]bool{}
		for _, p := range []string{"/d1", "/d2", "/d3"} {
			if list, err := os.ReadDir(b.root + p); err != nil || len(list) != 0 {
				b.Errorf("%s isn't masked: %v, %v", p, list, err)
			}
			if err := os.Mkdir(b.root+p+"/x", 0o755); err == nil {
				b.Errorf("%s is writable", p)
			}
			b.mounted(p, "ro,nosuid,nodev,noexec", "- tmpfs")
			sb[strings.Fields(b.info(p))[2]] = true
		}
		if len(sb) != 1 {
			b.Errorf("the masks are %d superblocks, want one", len(sb))
		}
		if got, _ := os.ReadFile(b.dir + "/outside"); string(got) != "outside" {
			b.Errorf("masked outside of the root: %q", got)
		}
	})
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/f")
		b.fails(&Mask{Path: "/f", Null: 3, Dir: -1}, "make mask: mount source 3: bad file descriptor")
	})
}

func TestReadonly(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/d/file", "root/d/m/", "root/f", "root/link -> d2", "root/d2/file")
		b.must(newMount(b.T, "tmpfs", "/d/m", ""))
		for _, p := range []string{"/d", "/f", "/link", "/missing"} {
			b.must(&Readonly{p})
		}
		for _, p := range []string{"/d/file", "/d/new", "/f", "/d2/file"} {
			if err := os.WriteFile(b.root+p, nil, 0o644); err == nil || !strings.Contains(err.Error(), "read-only") {
				b.Errorf("write to %s: %v", p, err)
			}
		}
		if err := os.WriteFile(b.root+"/d/m/new", nil, 0o644); err != nil { // as runc: what is mounted below is not meant
			b.Errorf("write to /d/m/new: %v", err)
		}
		if got := b.read("/d/file"); got != "root/d/file" {
			b.Errorf("/d/file holds %q", got)
		}
		b.fails(&Readonly{"/f/x"}, "open /f/x: not a directory")
	})
}

func TestFinish(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: unix.MS_SLAVE})
		b.must(newMount(b.T, "tmpfs", "/m", ""))
		b.must(&Finish{})
		b.mounted("", " rw,")
		b.must(&Finish{Readonly: true, Propagation: unix.MS_SHARED})
		b.mounted("", " ro,", "shared:")
		b.mounted("/m", " rw,")
		if strings.Contains(b.info("/m"), "shared:") {
			b.Error("the propagation is set on more than the root")
		}
	})
}

func TestSysctl(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(&OpenSysctls{From: SysctlsClone})
		b.must(&Sysctl{Path: "kernel/domainname", Value: "rung.test"})
		var u unix.Utsname
		if err := unix.Uname(&u); err != nil || unix.ByteSliceToString(u.Domainname[:]) != "rung.test" {
			b.Errorf("domain name = %q, %v", unix.ByteSliceToString(u.Domainname[:]), err)
		}
		b.fails(&Sysctl{Path: "kernel/nothing", Value: "1"}, "open /proc/sys/kernel/nothing: no such file or directory")
		b.fails(&Sysctl{Path: "kernel", Value: "1"}, "open /proc/sys/kernel: is a directory")
		b.fails(&Sysctl{Path: "net/ipv4/ip_forward", Value: "yes"}, `write "yes" to /proc/sys/net/ipv4/ip_forward: invalid argument`)
		// What the kernel says of a piece of a long value counts as well.
		for path, value := range map[string]string{"ip_forward": strings.Repeat("0", 4095) + "1", "ip_local_reserved_ports": "70000" + strings.Repeat(",2000", 1000)} {
			path = "net/ipv4/" + path
			b.fails(&Sysctl{Path: path, Value: value}, fmt.Sprintf("write %.200q to /proc/sys/%s: invalid argument", value, path))
		}
	})
}
