package idmap

import (
	"os"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

func TestSame(t *testing.T) {
	m := func(numbers ...uint32) (list []specs.LinuxIDMapping) {
		for i := 0; i < len(numbers); i += 3 {
			list = append(list, specs.LinuxIDMapping{ContainerID: numbers[i], HostID: numbers[i+1], Size: numbers[i+2]})
		}
		return list
	}
	for _, c := range []struct {
		a, b []specs.LinuxIDMapping
		want bool
	}{
		{nil, nil, true},
		{nil, m(0, 0, 1), false},
		{m(0, 1000, 1), m(0, 1000, 1), true},
		{m(0, 1000, 1), m(0, 1001, 1), false},
		{m(0, 1000, 1), m(0, 1000, 2), false},
		{m(1, 5, 9, 0, 1000, 1), m(0, 1000, 1, 1, 5, 9), true},
		{m(0, 1000, 10), m(0, 1000, 4, 4, 1004, 6), true},
		{m(0, 1000, 10), m(0, 1000, 4, 4, 1005, 6), false},
		{m(0, 0, 4294967295), m(4294967294, 4294967294, 1, 0, 0, 4294967294), true},
	} {
		if Same(c.a, c.b) != c.want || Same(c.b, c.a) != c.want {
			t.Errorf("Same(%v, %v) isn't %v", c.a, c.b, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to map ids")
	}
	fs, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	user, err := Namespace(&Maps{UID: "0 100000 10\n20 200000 5\n", GID: "7 300000 1\n", Field: "linux"})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(user)
	uids, gids, err := Read(fs, user)
	wantUIDs := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 10}, {ContainerID: 20, HostID: 200000, Size: 5}}
	wantGIDs := []specs.LinuxIDMapping{{ContainerID: 7, HostID: 300000, Size: 1}}
	if err != nil || !slices.Equal(uids, wantUIDs) || !slices.Equal(gids, wantGIDs) {
		t.Errorf("Read() = %v, %v, %v", uids, gids, err)
	}
	var ws unix.WaitStatus
	if pid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a process is left: %d, %v", pid, err)
	}
	if _, _, err := Read(fs, 0); err == nil {
		t.Error("what isn't a user namespace has maps")
	}
}
