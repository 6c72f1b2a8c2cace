package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestOpen(t *testing.T) {
	fs, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	var a, b unix.Stat_t
	_ = unix.Fstat(fs.FD, &a)
	_ = unix.Stat("/proc", &b)
	if a.Dev != b.Dev || a.Ino != RootIno {
		t.Errorf("Open() isn't the caller's /proc")
	}
	if flags, _ := unix.FcntlInt(uintptr(fs.FD), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Error("the descriptor isn't close-on-exec")
	}
}

func TestVerify(t *testing.T) {
	for path, want := range map[string]error{
		"/proc": nil, "/proc/self": ErrNotProc, "/proc/sys": ErrNotProc, "/sys": ErrNotProc, "/": ErrNotProc,
	} {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := Verify(fd); !errors.Is(err, want) {
			t.Errorf("Verify(%s) = %v, want %v", path, err, want)
		}
		unix.Close(fd)
	}
	if err := Verify(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("Verify(-1) = %v, want EBADF", err)
	}
}

const sysctl = "sys/kernel/hostname"

// A file mounted over a sysctl isn't followed: a private procfs serves instead.
func TestCoveredFile(t *testing.T) {
	decoy := t.TempDir() + "/decoy"
	if err := os.WriteFile(decoy, []byte("decoy"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	testbed.Thread(t, unix.CLONE_NEWNS, func() {
		for _, covered := range []string{"/proc/" + sysctl, "/proc/sys"} {
			kind, flags := "", uintptr(unix.MS_BIND)
			if covered == "/proc/sys" {
				kind, flags = "tmpfs", 0
			}
			if err := unix.Mount(decoy, covered, kind, flags, ""); err != nil {
				t.Fatal(err)
			}
			fs, err := Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := fs.ReadFile(sysctl, 100)
			if err != nil || string(bytes.TrimSpace(got)) != host {
				t.Errorf("ReadFile below a mount on %s = %q, %v, want %q", covered, got, err, host)
			}
			if err := fs.WriteFile(sysctl, host); err != nil {
				t.Errorf("WriteFile below a mount on %s: %v", covered, err)
			}
			// What isn't covered comes from the caller's own.
			if _, err := fs.Stat(os.Getpid()); err != nil {
				t.Errorf("Stat: %v", err)
			}
			fs.Close()
		}
	})
	if got, _ := os.ReadFile(decoy); string(got) != "decoy" {
		t.Errorf("the decoy was written: %q", got)
	}
}

func TestReplacedProc(t *testing.T) {
	testbed.Thread(t, unix.CLONE_NEWNS, func() {
		if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("/proc/sys/kernel", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("/proc/"+sysctl, []byte("decoy"), 0o644); err != nil {
			t.Fatal(err)
		}
		fs, err := Open()
		if err != nil {
			t.Fatal(err)
		}
		defer fs.Close()
		if err := Verify(fs.FD); err != nil {
			t.Errorf("Verify of what Open returned: %v", err)
		}
		if got, err := fs.ReadFile(sysctl, 100); err != nil || string(got) == "decoy" {
			t.Errorf("ReadFile = %q, %v", got, err)
		}
		if st, err := fs.Stat(os.Getpid()); err != nil || st.Dead() {
			t.Errorf("Stat = %+v, %v", st, err)
		}
		if got, _ := os.ReadFile("/proc/" + sysctl); string(got) != "decoy" {
			t.Errorf("the private instance is visible")
		}
	})
}

// A bind mount of a part of a procfs isn't its root.
func TestPartOfProc(t *testing.T) {
	testbed.Thread(t, unix.CLONE_NEWNS, func() {
		if err := unix.Mount("/proc/self", "/proc", "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		fs, err := Open()
		if err != nil {
			t.Fatal(err)
		}
		defer fs.Close()
		if _, err := fs.ReadFile(sysctl, 10); err != nil {
			t.Errorf("ReadFile = %v", err)
		}
	})
}

func TestOpenFileStaysInside(t *testing.T) {
	fs, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	for _, name := range []string{
		"self/stat", "1/root/etc/passwd", "1/exe", strconv.Itoa(os.Getpid()) + "/cwd/proc.go", strconv.Itoa(os.Getpid()) + "/fd/0",
		"..", "../etc/passwd", "/proc/stat", "/etc/passwd", "mounts", "", "nothing",
	} {
		fd, err := fs.OpenFile(name, unix.O_RDONLY)
		if err == nil {
			t.Errorf("OpenFile(%q): no error", name)
			unix.Close(fd)
			continue
		}
		if !strings.HasPrefix(err.Error(), "open /proc/"+name+": ") {
			t.Errorf("OpenFile(%q) = %v, which doesn't name it", name, err)
		}
	}
	fd, err := fs.OpenFile("thread-self/../stat", unix.O_RDONLY)
	if err == nil {
		unix.Close(fd)
		t.Error("a link in the middle was followed")
	}
}

func TestReadFileLimit(t *testing.T) {
	fs, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	for _, limit := range []int{0, 1, 10, 4095, 4096, 4097, 1 << 20} {
		want := min(limit, 20000)
		got, err := fs.ReadFile("kallsyms", limit)
		if err != nil || len(got) > limit || len(got) < want {
			t.Errorf("ReadFile with limit %d: %d bytes, %v", limit, len(got), err)
		}
	}
	whole, err := fs.ReadFile("filesystems", 1<<20)
	want, _ := os.ReadFile("/proc/filesystems")
	if err != nil || !bytes.Equal(whole, want) {
		t.Errorf("ReadFile = %q, %v, want %q", whole, err, want)
	}
}

func TestWriteFileErrors(t *testing.T) {
	fs, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	err = fs.WriteFile("self-nothing", "x")
	if err == nil || err.Error() != "open /proc/self-nothing: no such file or directory" {
		t.Errorf("WriteFile = %v", err)
	}
	name := PID(os.Getpid(), "oom_score_adj")
	err = fs.WriteFile(name, "5000")
	if want := `write "5000" to /proc/` + name + ": invalid argument"; err == nil || err.Error() != want {
		t.Errorf("WriteFile = %v, want %s", err, want)
	}
}

func TestStatOfProcess(t *testing.T) {
	fs, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	before := ticks()
	pid, err := forkSleep()
	if err != nil {
		t.Fatal(err)
	}
	st, err := fs.Stat(pid)
	if err != nil || st.Dead() || st.Start < before-1 || st.Start > ticks()+1 {
		t.Errorf("Stat = %+v, %v, want a start between %d and %d", st, err, before, ticks())
	}
	unix.Kill(pid, unix.SIGKILL)
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if z, err := fs.Stat(pid); err != nil || !z.Dead() || z.State != 'Z' || z.Start != st.Start {
		t.Errorf("Stat of a zombie = %+v, %v", z, err)
	}
	_, _ = unix.Wait4(pid, nil, 0, nil)
	if _, err := fs.Stat(pid); err == nil || !strings.HasSuffix(err.Error(), unix.ENOENT.Error()) {
		t.Errorf("Stat of nobody = %v", err)
	}
}

// ticks is the time since boot in the unit of Stat.Start: USER_HZ is 100.
func ticks() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return uint64(ts.Sec)*100 + uint64(ts.Nsec)/1e7
}

func forkSleep() (int, error) {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "30"}, &os.ProcAttr{})
	if err != nil {
		return 0, err
	}
	pid := p.Pid
	return pid, p.Release()
}

func TestParseStat(t *testing.T) {
	tail := " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	for _, tt := range []struct {
		text  string
		state byte
		start uint64
		ok    bool
	}{
		{"1 (init) S" + tail, 'S', 4711, true},
		{"1 (a) Z 9 (b) R) X" + tail, 'X', 4711, true},
		{"1 () S" + tail, 'S', 4711, true},
		{"1 (a\nb) R" + tail + "\n", 'R', 4711, true},
		{"1 (init) S" + strings.Replace(tail, "4711", "18446744073709551615", 1), 'S', 1<<64 - 1, true},
		{"1 (init) S" + strings.Replace(tail, "4711", "18446744073709551616", 1), 0, 0, false},
		{"1 (init) S" + strings.Replace(tail, "4711", "-1", 1), 0, 0, false},
		{"1 (init) SS" + tail, 0, 0, false},
		{"1 (init)S" + tail, 0, 0, false},
		{"1 (init) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", 0, 0, false},
		{"", 0, 0, false},
		{")", 0, 0, false},
		{"1 (init)", 0, 0, false},
		{"1 (init) ", 0, 0, false},
		{"1 init S" + tail, 0, 0, false},
	} {
		st, err := ParseStat([]byte(tt.text))
		if (err == nil) != tt.ok || st.State != tt.state || st.Start != tt.start {
			t.Errorf("ParseStat(%q) = %+v, %v", tt.text, st, err)
		}
	}
	long := strings.Repeat("x", 5000)
	if _, err := ParseStat([]byte(long)); err == nil || len(err.Error()) > 200 {
		t.Errorf("ParseStat of garbage = %v", err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("init", byte('S'), uint64(4711), []byte("1 (x) S 1"))
	f.Add(") R 1 2", byte('Z'), uint64(0), []byte(")"))
	f.Fuzz(func(t *testing.T, name string, state byte, start uint64, garbage []byte) {
		_, _ = ParseStat(garbage)
		if state <= ' ' || state >= 0x7f || state == ')' {
			return
		}
		text := fmt.Sprintf("4 (%s) %c 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %d 20 21\n", name, state, start)
		if st, err := ParseStat([]byte(text)); err != nil || st.State != state || st.Start != start {
			t.Errorf("ParseStat(%q) = %+v, %v", text, st, err)
		}
	})
}
