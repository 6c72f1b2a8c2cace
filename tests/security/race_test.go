package security

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// swap exchanges two names of a directory until the returned function is
// called, which says how often.
func swap(t *testing.T, dir, a, b string) (stop func() int) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		runtime.LockOSThread()
		n := 0
		for {
			select {
			case <-quit:
				unix.Close(fd)
				done <- n
				return
			default:
			}
			if err := unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE); err == nil {
				n++
			}
			if n%64 == 0 {
				runtime.Gosched()
			}
		}
	}()
	return func() int {
		close(quit)
		return <-done
	}
}

// CVE-2021-30465, CVE-2024-45310: while the container is built, its directories
// become links to the host's, and back.
func TestSwapRace(t *testing.T) {
	harness.Once(t)
	d := newDecoy(t)
	file := filepath.Join(harness.TempDir(t), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, relative := range []bool{false, true} {
		b := harness.New(t, raceConfig(file))
		for _, dir := range []string{"vol/a/m", "vol/a/r", "vol/a/t"} {
			if err := os.MkdirAll(filepath.Join(b.Rootfs, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		link := d.dir
		if relative {
			link = up(t, b, "vol/l", d.dir)
		}
		symlink(t, b, link, "vol/l")
		place(t, b, "vol/busy1", "dir")
		place(t, b, "vol/busy2", "dir")
		stop := swap(t, filepath.Join(b.Rootfs, "vol"), "a", "l")
		busy := swap(t, filepath.Join(b.Rootfs, "vol"), "busy1", "busy2")
		runs, lost := rounds(500, 60), map[string]int{}
		worked := 0
		for range runs {
			r := b.Container(t, "run")
			if r.Code == 0 {
				worked++
				r.Silent(t)
				continue
			}
			lost[lastLine(r.Stderr)]++
			if !lostRace(r) {
				t.Errorf("want success, or that something below /vol/a was gone: %v", r)
			}
		}
		swaps := stop()
		renames := busy()
		t.Logf("relative %v: %d runs during %d swaps and %d renames, %d worked, lost: %v", relative, runs, swaps, renames, worked, lost)
		if swaps < runs {
			t.Errorf("%d swaps only: no race", swaps)
		}
		// What fails at the first swapped name makes nothing that could go astray.
		if worked < runs/4 {
			t.Errorf("%d runs of %d worked: too few to prove anything", worked, runs)
		}
		d.check(t)
	}
}

// lostRace tells whether a run failed as it may: something below /vol/a was
// elsewhere at that moment, or is of another kind there.
func lostRace(r *harness.Result) bool {
	text := strings.TrimRight(r.Stderr, "\"\n")
	return lostBy.MatchString(text) && r.Code == 1 && r.Stdout == "" && strings.Contains(text, "/vol/a/") && strings.Count(r.Stderr, "\n") == 1
}

// lostBy ends such an error; the field of a mount may come after it.
var lostBy = regexp.MustCompile(`: (no such file or directory|not a directory|file exists)( \(mounts\[\d+\]\))?$`)

func raceConfig(file string) harness.Edit {
	return func(s *specs.Spec) {
		s.Root.Readonly = false
		s.Mounts = append(s.Mounts, tmpfs("/vol/a/t"), bind("/tmp", "/vol/a/d"), bind(file, "/vol/a/f"),
			specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/vol/a/t/up", Options: []string{"tmpcopyup"}})
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{Path: "/vol/a/dev", Type: "c", Major: 1, Minor: 5})
		s.Process.Cwd = "/vol/a/w"
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/vol/a/m")
		s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/vol/a/r")
		s.Linux.RootfsPropagation = "slave"
	}
}

// A mount point that becomes a link to /proc while the mount is made: either it
// fails, or the container's /proc is the kernel's.
func TestProcRace(t *testing.T) {
	harness.Once(t)
	for _, target := range []string{"/proc/sys/net", "/proc/sys", "/proc/self"} {
		b := harness.New(t, harness.Shell(`cat /proc/sys/net/ipv4/ip_forward && cat /proc/self/comm`), harness.AddMount(tmpfs("/vol/a/t")),
			func(s *specs.Spec) {
				s.Root.Readonly = false
				s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
				s.Mounts = append(s.Mounts, tmpfs("/vol/t"))
			})
		place(t, b, "vol/t", "dir")
		symlink(t, b, target, "vol/l")
		stop := swap(t, filepath.Join(b.Rootfs, "vol"), "t", "l")
		runs, ok := rounds(300, 40), 0
		for range runs {
			r := b.Container(t, "run")
			switch {
			case r.Code == 0 && r.Stdout == "1\ncat\n":
				ok++
			case r.Code != 1 || !strings.Contains(r.Stderr, "mount tmpfs at /vol/t: ") || r.Stdout != "":
				t.Errorf("want success or an error about the mount: %v", r)
			}
		}
		swaps := stop()
		t.Logf("%s: %d runs, %d swaps, %d worked", target, runs, swaps, ok)
		if swaps < runs || ok < runs/10 {
			t.Errorf("%s: %d swaps, %d runs of %d worked: too few to prove anything", target, swaps, ok, runs)
		}
	}
}
