package blockers

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// What a descriptor is stops a dump or doesn't, and an option may change that.
func TestDescriptors(t *testing.T) {
	const sock, chr, reg = unix.S_IFSOCK, unix.S_IFCHR | 0o620, unix.S_IFREG | 0o644
	pts := unix.Mkdev(136, 0)
	for _, tt := range []struct {
		name string
		fd   FD
		o    Options
		want string
	}{
		{"a ring", FD{Link: "anon_inode:[io_uring]"}, Options{}, Uring},
		{"a listener", FD{Link: "anon_inode:seccomp notify"}, Options{}, Seccomp},
		{"an event", FD{Link: "anon_inode:[eventfd]"}, Options{}, ""},
		{"something new", FD{Link: "anon_inode:[news]"}, Options{}, Other},
		{"a secret", FD{Link: "/secretmem (deleted)", Mode: reg}, Options{}, Secret},
		{"a memfd", FD{Link: "/memfd:x (deleted)", Mode: reg}, Options{}, ""},
		{"a pipe", FD{Link: "pipe:[5]", Mode: unix.S_IFIFO}, Options{}, ""},
		{"the host's terminal", FD{Link: "/dev/pts/3", Mode: chr, Rdev: pts}, Options{}, Terminal},
		{"the host's terminal, of a shell job", FD{Link: "/dev/pts/3", Mode: chr, Rdev: pts}, Options{Shell: true}, ""},
		{"an exec's terminal", FD{Link: "/dev/pts/1", Mode: chr, Rdev: pts, Within: true}, Options{}, ""},
		{"/dev/null from outside, known", FD{Link: "/dev/null", Mode: chr, Rdev: unix.Mkdev(1, 3), Known: true}, Options{}, ""},
		{"/dev/zero from outside", FD{Link: "/dev/zero", Mode: chr, Rdev: unix.Mkdev(1, 5)}, Options{}, File},
		{"/dev/fuse", FD{Link: "/dev/fuse", Mode: chr, Rdev: unix.Mkdev(10, 229), Within: true}, Options{}, Device},
		{"a tun", FD{Link: "/dev/net/tun", Mode: chr, Rdev: unix.Mkdev(10, 200), Within: true}, Options{}, ""},
		{"a file", FD{Link: "/data/f", Mode: reg, Within: true, Links: 1}, Options{}, ""},
		{"a file from outside", FD{Link: "/srv/f", Mode: reg, Links: 1}, Options{}, File},
		{"a log from outside, known", FD{Link: "/srv/f", Mode: reg, Links: 1, Known: true}, Options{}, ""},
		{"a large file without a name", FD{Link: "/f (deleted)", Mode: reg, Within: true, Size: 2 << 20}, Options{}, Deleted},
		{"one with another name", FD{Link: "/f (deleted)", Mode: reg, Within: true, Links: 1}, Options{}, Deleted},
		{"the same, given one", FD{Link: "/f (deleted)", Mode: reg, Within: true, Links: 1}, Options{LinkRemap: true}, ""},
		{"a memfd on huge pages", FD{Link: "/memfd:x (deleted)", Mode: reg, Huge: true}, Options{}, Other},
		{"a BPF map", FD{Link: "anon_inode:bpf-map"}, Options{}, Other},
		{"a BPF map that CRIU knows", FD{Link: "anon_inode:bpf-map"}, Options{BPF: true}, ""},
		{"a small one", FD{Link: "/f (deleted)", Mode: reg, Within: true, Size: 2 << 10}, Options{}, ""},
		{"an unconnected unix socket", FD{Mode: sock, Domain: unix.AF_UNIX, Inode: 9}, Options{}, ""},
		{"one connected within", FD{Mode: sock, Domain: unix.AF_UNIX, Inode: 1}, Options{}, ""},
		{"one connected to the outside", FD{Mode: sock, Domain: unix.AF_UNIX, Inode: 2}, Options{}, Unix},
		{"the same, taken along", FD{Mode: sock, Domain: unix.AF_UNIX, Inode: 2}, Options{Sockets: true}, ""},
		{"a connection", FD{Mode: sock, Domain: unix.AF_INET, Proto: unix.IPPROTO_TCP, Inode: 3}, Options{}, TCP},
		{"the same, taken along", FD{Mode: sock, Domain: unix.AF_INET, Proto: unix.IPPROTO_TCP, Inode: 3}, Options{Established: true}, ""},
		{"a listener", FD{Mode: sock, Domain: unix.AF_INET6, Proto: unix.IPPROTO_TCP, Inode: 4}, Options{}, ""},
		{"MPTCP", FD{Mode: sock, Domain: unix.AF_INET, Proto: unix.IPPROTO_MPTCP}, Options{}, Socket},
		{"a vsock", FD{Mode: sock, Domain: unix.AF_VSOCK}, Options{}, Socket},
		{"a socket of which nothing is known", FD{Mode: sock, Domain: -1}, Options{}, ""},
	} {
		f := Facts{
			Processes:   []Process{{PID: 7, FDs: []FD{tt.fd}}, {PID: 8, FDs: []FD{{Mode: sock, Domain: unix.AF_UNIX, Inode: 100}}}},
			Peers:       map[uint64]uint64{1: 100, 2: 200, 100: 1},
			Established: map[uint64]bool{3: true},
		}
		got := ""
		for _, b := range f.Find(tt.o) {
			if b.PID == 7 {
				got += b.Name
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestProcesses(t *testing.T) {
	f := Facts{
		Processes: []Process{{PID: 3, Tracer: 1, Secret: true, Others: map[string]bool{"pid": true, "mnt": true, "net": true}}, {PID: 2}},
		Locks:     map[int]int{2: 2},
		Mounts:    []string{"/bpf"},
	}
	want := []string{
		"mount: /bpf: a mount of a kind that CRIU doesn't know",
		"lock: process 2: it has 2 file lock(s) (--file-locks)",
		"traced: process 3: it is traced by process 1 (end the debugger)",
		"secret: process 3: it has memory of memfd_secret",
		"namespace: process 3: it is in another pid namespace than the init",
		"namespace: process 3: it is in another net namespace than the init",
	}
	got := f.Find(Options{})
	if len(got) != len(want) {
		t.Fatalf("%d blockers, want %d: %+v", len(got), len(want), got)
	}
	for i := range got {
		if s := got[i].String(); s != want[i] {
			t.Errorf("%q, want %q", s, want[i])
		}
	}
	if got := f.Find(Options{FullNetwork: true}); len(got) != len(want)-1 {
		t.Errorf("with full networks: %+v", got)
	}
	if got := f.Find(Options{FileLocks: true}); got[1].Name == Lock {
		t.Error("a lock that is taken along is a blocker")
	}
}
