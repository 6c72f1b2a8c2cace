package mount

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCause(t *testing.T) {
	for _, c := range []struct {
		kind, data string
		errno      unix.Errno
		want       string
	}{
		{"overlay", "", unix.EINVAL, "it needs lowerdir"},
		{"overlay", "lowerdir=/a", unix.EINVAL, "without upperdir it needs two directories in lowerdir"},
		{"overlay", "lowerdir=/a:/b", unix.EINVAL, ""},
		{"overlay", "lowerdir=/a upperdir=/b", unix.EINVAL, "upperdir needs workdir"},
		{"overlay", "lowerdir+=/a upperdir=/b workdir=/c", unix.EINVAL, "two directories of one mount"},
		{"overlay", "lowerdir=/a", unix.ENOENT, ""},
		{"tmpfs", "", unix.EINVAL, ""},
		{"tmpfs", "", unix.EPERM, ""},
		{"sysfs", "", unix.EPERM, "network namespace"},
		{"mqueue", "", unix.EPERM, "ipc namespace"},
		{"proc", "", unix.EPERM, "pid namespace"},
		{"ext4", "", unix.EPERM, "bind one"},
	} {
		if got := cause(c.kind, strings.Fields(c.data), c.errno); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s %s %v: %q, want %q", c.kind, c.data, c.errno, got, c.want)
		}
	}
}

func TestMistyped(t *testing.T) {
	for _, c := range []struct{ kind, word, said, want string }{
		{"tmpfs", "sizee", "tmpfs: Unknown parameter 'sizee'", "; did you mean size?"},
		{"tmpfs", "noexc", "tmpfs: Unknown parameter 'noexc'", "; did you mean noexec?"},
		{"overlay", "lowredir", "overlay: unknown mount option", "; did you mean lowerdir?"},
		{"tmpfs", "size", "tmpfs: Bad value for 'size'", ""},
		{"xfs", "frobnicate", "xfs: Unknown parameter 'frobnicate'", ""},
		{"proc", "hidepid", "proc: Unknown value of 'hidepid'", ""},
		{"tmpfs", "", "Unknown", ""},
		{"", "nr_inode", "tmpfs: Unknown parameter 'nr_inode'", "; did you mean nr_inodes?"},
	} {
		if got := mistyped(c.kind, c.word, c.said); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.word, got, c.want)
		}
	}
	if !slices.IsSorted(kinds[:]) {
		t.Error("kinds aren't in order")
	}
}
