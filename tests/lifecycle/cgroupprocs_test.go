package lifecycle

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// writes watches all of cgroup v2 and returns the files that were written to since
// the last call whose path has the word in it.
func writes(t *testing.T, word string) func() []string {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_QUEUE, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		t.Skipf("fanotify: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	dir := harness.CgroupDirs("")[0]
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_MODIFY, unix.AT_FDCWD, dir); err != nil {
		t.Fatalf("watch %s: %v", dir, err)
	}
	return func() (files []string) {
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			switch err {
			case nil:
			case unix.EINTR, unix.ENODEV: // ENODEV: the next file is gone already, another test's
				continue
			case unix.EAGAIN:
				return files
			default:
				t.Fatalf("read events: %v", err)
			}
			for rest := buf[:n]; len(rest) >= int(unsafe.Sizeof(unix.FanotifyEventMetadata{})); {
				e := (*unix.FanotifyEventMetadata)(unsafe.Pointer(&rest[0]))
				if e.Mask&unix.FAN_Q_OVERFLOW != 0 {
					t.Fatal("the kernel lost events")
				}
				path, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", e.Fd))
				unix.Close(int(e.Fd))
				if strings.Contains(path, word) {
					files = append(files, path)
				}
				rest = rest[e.Event_len:]
			}
		}
	}
}

// moved are the writes that move a process or thread.
func moved(files []string) (out []string) {
	for _, f := range files {
		if strings.HasSuffix(f, "/cgroup.procs") || strings.HasSuffix(f, "/cgroup.threads") {
			out = append(out, f)
		}
	}
	return out
}

// On cgroup v2 every process of a container is born in its cgroup: a move waits
// for a grace period of the kernel, 7 ms and more on a quiet host.
func TestNobodyIsMoved(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("processes enter cgroup v1 by its tasks files")
	}
	harness.NeedRung(t, "births in a cgroup")
	for name, edits := range map[string][]harness.Edit{
		"no user namespace": nil,
		"user namespace":    {harness.MappedRoot},
		"delegated":         {harness.MappedRoot, ownCgroupNS, cgroupMount("rw")},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, append(edits, harness.Args("/bin/sleep", "60"))...)
			if edits != nil {
				b.Chown(t)
			}
			seen := writes(t, b.ID)
			pid, _ := b.Create(t)
			b.Must(t, "start")
			b.Run(t, "exec", b.ID, "/bin/true").Silent(t)
			b.Run(t, "exec", "--detach", b.ID, "/bin/true").Silent(t)
			b.Run(t, "update", b.ID).Silent(t)
			if m := moved(seen()); len(m) > 0 {
				t.Errorf("written: %v", m)
			}
			// The watch does see such a write.
			dir := harness.CgroupDirs(b.ID)[0]
			if err := os.WriteFile(dir+"/cgroup.procs", fmt.Append(nil, pid), 0); err != nil {
				t.Fatal(err)
			}
			if m := moved(seen()); len(m) != 1 || m[0] != dir+"/cgroup.procs" {
				t.Errorf("a move shows as %v", m)
			}
			// The detached process, which its pid namespace's end waits for.
			harness.Until(t, "it has ended", func() bool { return b.ReapAll(t) > 0 })
			b.End(t, pid)
		})
	}
}
