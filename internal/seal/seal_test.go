package seal

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

const (
	runner  = "seal-runner" // argv[0] of a copy that shows that it runs
	nosuch  = "seal-nosuch" // argv[0] of a copy that may not seal or chmod
	exitRan = 42
)

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case runner:
		os.Exit(exitRan)
	case nosuch:
		os.Exit(withoutSeals())
	}
	testbed.Main(m)
}

// variants are all ways to seal.
func variants() map[string]func() (Exe, error) {
	return map[string]func() (Exe, error){
		"overlay":    func() (Exe, error) { return Executable(false) },
		"memfd":      func() (Exe, error) { fd, err := copyToMemfd(); return Exe{fd, -1}, err },
		"unreadable": func() (Exe, error) { return Executable(true) },
	}
}

func TestSealed(t *testing.T) {
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	var before unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &before); err != nil {
		t.Fatal(err)
	}
	for name, seal := range variants() {
		t.Run(name, func(t *testing.T) {
			same := testbed.Same(t, os.Getpid())
			e, err := seal()
			if err != nil {
				t.Fatal(err)
			}
			fd := e.FD
			defer func() {
				e.Close()
				e.Close() // twice does no harm
				same()
			}()
			if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Error("the descriptor isn't close-on-exec")
			}
			equal(t, fd, own)
			unwritable(t, fd, name)
			runs(t, fd)
			equal(t, fd, own)
		})
	}
	var after unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &after); err != nil || before.Mode != after.Mode || before.Ino != after.Ino || before.Mtim != after.Mtim {
		t.Errorf("our own executable was changed: %+v, %+v", before, after)
	}
}

func equal(t *testing.T, fd int, want []byte) {
	t.Helper()
	got := make([]byte, len(want)+1)
	n, err := unix.Pread(fd, got, 0)
	for n < len(want) && err == nil {
		var m int
		m, err = unix.Pread(fd, got[n:], int64(n))
		if m == 0 {
			break
		}
		n += m
	}
	if err != nil || !bytes.Equal(got[:n], want) {
		t.Errorf("content differs: %d bytes, want %d, %v", n, len(want), err)
	}
}

// unwritable tries, as root, everything that changes a file.
func unwritable(t *testing.T, fd int, name string) {
	t.Helper()
	link := fmt.Sprintf("/proc/self/fd/%d", fd)
	overlay := name == "overlay"
	for _, flags := range []int{unix.O_RDWR, unix.O_WRONLY, unix.O_WRONLY | unix.O_APPEND, unix.O_RDWR | unix.O_TRUNC} {
		w, err := unix.Open(link, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if overlay {
			t.Errorf("open with %#x works", flags)
		}
		if _, err := unix.Pwrite(w, []byte("X"), 0); err == nil {
			t.Errorf("write works after open with %#x", flags)
		}
		if _, err := unix.Mmap(w, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Error("a writable mapping works")
		}
		for _, size := range []int64{0, 1 << 30} {
			if err := unix.Ftruncate(w, size); err == nil {
				t.Errorf("ftruncate to %d works", size)
			}
		}
		if err := unix.Fallocate(w, 0, 0, 1<<28); err == nil {
			t.Error("fallocate works")
		}
		unix.Close(w)
	}
	if err := unix.Truncate(link, 0); err == nil {
		t.Error("truncate works")
	}
	if _, err := unix.Pwrite(fd, []byte("X"), 0); err == nil {
		t.Error("write to the descriptor works")
	}
	if overlay {
		if err := unix.Fchmod(fd, 0o777); err != unix.EROFS {
			t.Errorf("fchmod = %v, want EROFS", err)
		}
		if err := unix.Fsetxattr(fd, "user.x", []byte("1"), 0); err == nil {
			t.Error("fsetxattr works")
		}
		return
	}
	if got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil || got&seals != seals {
		t.Errorf("seals = %#x, %v, want %#x", got, err, seals)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_EXEC); err != unix.EPERM {
		t.Errorf("another seal = %v, want EPERM", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&0o777 != 0o111 {
		t.Errorf("mode = %#o, %v, want 0111", st.Mode, err)
	}
}

// The mount below the overlay can't be made writable by whoever finds it.
func TestRemount(t *testing.T) {
	e, err := Executable(false)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	fd := e.FD
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Type != unix.OVERLAYFS_SUPER_MAGIC {
		t.Skipf("sealed by other means than overlayfs (type %#x)", fs.Type)
	}
	if fs.Flags&unix.ST_RDONLY == 0 || fs.Flags&unix.ST_NOSUID == 0 {
		t.Errorf("mount flags = %#x, want read-only and nosuid", fs.Flags)
	}
	// Even where the flag of the mount goes, the superblock has no upper layer.
	link := fmt.Sprintf("/proc/self/fd/%d", fd)
	_ = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
	if err := unix.Mount("", link, "", unix.MS_REMOUNT, ""); err == nil {
		t.Error("remount works")
	}
	if w, err := unix.Open(link, unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		t.Error("open for writing works")
		unix.Close(w)
	}
}

// runs has a process exec the descriptor.
func runs(t *testing.T, fd int) {
	t.Helper()
	p, err := os.StartProcess(fmt.Sprintf("/proc/self/fd/%d", fd), []string{runner}, &os.ProcAttr{})
	if err != nil {
		t.Errorf("exec: %v", err)
		return
	}
	timer := time.AfterFunc(5*time.Second, func() { _ = p.Kill() })
	defer timer.Stop()
	if st, err := p.Wait(); err != nil || st.ExitCode() != exitRan {
		t.Errorf("ran as %v, %v, want exit status %d", st, err, exitRan)
	}
}

// Whoever isn't root can run an unreadable copy, but neither read nor trace it.
func TestUnreadable(t *testing.T) {
	e, err := Executable(true)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	fd := e.FD
	link := fmt.Sprintf("/proc/self/fd/%d", fd)
	testbed.Thread(t, 0, func() {
		if _, _, e := syscall.RawSyscall(unix.SYS_SETRESUID, 12345, 12345, 12345); e != 0 {
			t.Fatal(e)
		}
		read := unix.Faccessat(unix.AT_FDCWD, link, unix.R_OK, unix.AT_EACCESS)
		execute := unix.Faccessat(unix.AT_FDCWD, link, unix.X_OK, unix.AT_EACCESS)
		if read != unix.EACCES || execute != nil {
			t.Errorf("access for others: read %v, execute %v, want refused and allowed", read, execute)
		}
	})
}

// A copy that can't be sealed, or whose mode can't be set, isn't handed out.
func TestSealFails(t *testing.T) {
	for _, call := range []string{"fcntl", "fchmod", "none"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := os.StartProcess("/proc/self/exe", []string{nosuch, call}, &os.ProcAttr{Files: []*os.File{nil, w, w}})
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(5*time.Second, func() { _ = p.Kill() })
		buf := make([]byte, 4096)
		n, _ := r.Read(buf)
		_, _ = p.Wait()
		timer.Stop()
		r.Close()
		want := "error seal own executable: operation not permitted"
		if call == "none" {
			want = "ok"
		}
		if got := strings.TrimSpace(string(buf[:n])); got != want {
			t.Errorf("without %s: %s, want %s", call, got, want)
		}
	}
}

// withoutSeals forbids this process a system call by a seccomp filter and says
// what Executable answers.
func withoutSeals() int {
	if err := forbid(os.Args[1]); err != nil {
		fmt.Println("filter:", err)
		return 1
	}
	if _, err := Executable(true); err != nil {
		fmt.Println("error", err)
		return 0
	}
	fmt.Println("ok")
	return 0
}

func forbid(call string) error {
	ld := func(off uint32) unix.SockFilter { return unix.SockFilter{Code: 0x20, K: off} }
	jeq := func(k uint32, no uint8) unix.SockFilter { return unix.SockFilter{Code: 0x15, K: k, Jf: no} }
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: 0x06, K: k} }
	const allow, eperm = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	var prog []unix.SockFilter
	switch call {
	case "fcntl":
		prog = []unix.SockFilter{ld(0), jeq(unix.SYS_FCNTL, 3), ld(16 + 8), jeq(unix.F_ADD_SEALS, 1), ret(eperm), ret(allow)}
		if bigEndian() {
			prog[2].K += 4
		}
	case "fchmod":
		prog = []unix.SockFilter{ld(0), jeq(unix.SYS_FCHMOD, 1), ret(eperm), ret(allow)}
	default:
		return nil
	}
	f := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, e := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if e != 0 {
		return e
	}
	return nil
}

func bigEndian() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 0
}

func TestCutLast(t *testing.T) {
	for path, want := range map[string][3]string{
		"/usr/bin/rung": {"/usr/bin", "rung", "ok"}, "/rung": {}, "rung": {}, "/usr/": {}, "": {}, "/": {},
		"/a/b (deleted)": {"/a", "b (deleted)", "ok"},
	} {
		dir, base, ok := cutLast(path)
		if dir != want[0] || base != want[1] || ok != (want[2] == "ok") {
			t.Errorf("cutLast(%q) = %q, %q, %v", path, dir, base, ok)
		}
	}
}
