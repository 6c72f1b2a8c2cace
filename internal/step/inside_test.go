package step

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/testbed"
)

// What is bound from within the root is what earlier mounts have put there, whose ids the parent may
// map.
func TestMountInside(t *testing.T) {
	inBox(t, func(b *box) {
		testbed.Tree(b, b.dir, "root/d/below", "root/link -> /d", "root/out -> ../../../secret", "secret", "src/file")
		inside := func(path, target string, s Source) *Mount {
			s.What, s.Path = path+" at "+target, path
			return &Mount{Target: target, From: FromRoot, Source: path, Tree: s, Fallback: -1}
		}
		b.must(&Mount{Target: "/d", From: FromTree, Index: b.clone(b.dir + "/src"), Fallback: -1})
		b.must(inside("/link", "/copy", Source{Recursive: true, Attr: option.Attr{Set: unix.MOUNT_ATTR_NODEV}, RecAttr: option.Attr{Set: unix.MOUNT_ATTR_RDONLY}}))
		b.mounted("/copy", " ro,nodev")
		if got := b.read("/copy/file"); got != "src/file" {
			b.Errorf("/copy/file holds %q", got)
		}
		b.fails(inside("/out", "/x", Source{}), "open /out: no such file or directory")
		b.fails(inside("/d/file/x", "/x", Source{}), "open /d/file/x: not a directory")

		ids := Source{IDMap: IDMap{Field: "mounts[0].options"}}
		r := asked(b, nil)
		b.must(inside("/d", "/mapped", ids))
		var sent, there unix.Statx_t
		if fds := r.fds; len(fds) != 1 || unix.Statx(fds[0], "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &sent) != nil {
			b.Fatalf("sent %v", fds)
		}
		if err := unix.Statx(unix.AT_FDCWD, b.root+"/mapped", 0, unix.STATX_MNT_ID, &there); err != nil || sent.Mnt_id != there.Mnt_id {
			b.Errorf("the parent has mapped another mount: %v", err)
		}
		asked(b, fmt.Errorf("setattr: %w", unix.EINVAL))
		b.fails(inside("/d", "/x", ids), "map ids: setattr: invalid argument")
		if l := b.info("/x"); l != "" {
			b.Errorf("mounted after a failure: %s", l)
		}
	})
}

// The words of an entry clear the flags that aren't named, but the mode of access times; or, where some
// are locked, leave them.
func TestRemountNamed(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(newMount(b.T, "tmpfs", "/m", "nosuid noatime size=64k"))
		named := func(words string, locked bool) *Mount {
			m := newMount(b.T, "", "/m", "remount "+words)
			m.From, m.Flags = FromMount, Flags{Field: "mounts[3].options", Named: m.Options.Named, Locked: locked}
			return m
		}
		b.must(named("nodev", false))
		b.mounted("/m", " rw,nodev,noatime")
		b.must(named("noexec", true))
		b.mounted("/m", " rw,nodev,noexec,noatime")
		b.fails(named("dev", true), "change flags: mounts[3].options: dev: the mount's nodev flag is locked in this user namespace: operation not permitted")
		b.must(named("size=32k ro", false))
		b.mounted("/m", " ro,", "size=32k")
		b.fails(named("size=much", false), "change file system: tmpfs: Bad value for 'size': invalid argument")
	})
}

// A label goes to what is open only as a place, too.
func TestLabel(t *testing.T) {
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err == nil {
		t.Skip("SELinux has a say in labels")
	}
	const label = "system_u:object_r:container_file_t:s0"
	inBox(t, func(b *box) {
		m := newMount(b.T, "tmpfs", "/m", "")
		m.Label = label
		err := b.do(m)
		buf := make([]byte, 100)
		switch n, xerr := unix.Getxattr(b.root+"/m", "security.selinux", buf); {
		case err != nil && err.Error() == "linux.mountLabel: set label: operation not supported":
			b.Skip(err) // a kernel without labels
		case err != nil || xerr != nil || string(buf[:n]) != label:
			b.Errorf("label = %q, %v, %v", buf[:max(n, 0)], err, xerr)
		}
		p := newMount(b.T, "proc", "/proc", "")
		p.Label = label
		b.fails(p, "linux.mountLabel: set label: operation not supported")
	})
}
