package source

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestParseUnbindable(t *testing.T) {
	const text = `20 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
21 20 0:20 / /a\040b rw,relatime unbindable - tmpfs tmpfs rw
22 20 0:21 / /c rw unbindable - tmpfs unbindable rw
23 22 0:22 / /c rw master:3 - tmpfs tmpfs rw
24 23 0:23 / /c/d rw - tmpfs unbindable rw
short
`
	want := []unbindable{{"/a b", false}, {"/c", true}}
	if got := parseUnbindable([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("parseUnbindable = %v, want %v", got, want)
	}
}

// Where nothing is mounted below, nobody reads mountinfo, and the maker's namespace is never changed.
func TestUnbindable(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		for _, name := range []string{"/plain", "/above/u"} {
			if err := os.MkdirAll(dir+name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		open := func(m *Maker, path string, recursive bool) {
			t.Helper()
			fd, err := m.Open(&step.Source{What: path, Path: path, Recursive: recursive})
			if err != nil {
				t.Error(err)
				return
			}
			unix.Close(fd)
		}
		m := new(Maker)
		open(m, dir+"/plain", true)
		if m.looked {
			t.Error("mountinfo was read, and nothing is mounted there")
		}
		if err := unix.Mount("tmpfs", dir+"/above/u", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		open(m, dir+"/above", false)
		if m.looked {
			t.Error("mountinfo was read for a clone of one mount")
		}
		open(m, dir+"/above", true)
		if list, err := m.unbindable(); err != nil || len(list) > 0 {
			t.Errorf("unbindable = %v, %v, want none", list, err)
		}
		if err := unix.Mount("", dir+"/above/u", "", unix.MS_UNBINDABLE, ""); err != nil {
			t.Fatal(err)
		}
		// As in a copy on a kernel before Linux 6.18: what is unbindable there is made private.
		m = &Maker{Copy: true}
		open(m, dir+"/above/u", false)
		if list, err := readUnbindable(); err != nil || len(list) > 0 {
			t.Errorf("unbindable = %v, %v, want none any more", list, err)
		}
		if err := unix.Mount("", dir+"/above/u", "", unix.MS_UNBINDABLE, ""); err != nil {
			t.Fatal(err)
		}
		m = &Maker{Copy: true}
		k := new(calls.Kernel)
		m.MakeBindable(k, []step.Source{{Path: dir + "/plain"}, {Path: dir + "/above"}})
		if list, err := readUnbindable(); k.Flush() != nil || err != nil || len(list) > 0 {
			t.Errorf("unbindable = %v, %v, want none any more", list, err)
		}
	})
}
