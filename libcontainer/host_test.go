package libcontainer

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) {
	done, why := exampleRoot()
	if why != "" {
		fmt.Println("examples are skipped:", why)
		skip := flag.Lookup("test.skip").Value
		if also := skip.String(); also != "" {
			_ = skip.Set(also + "|^Example")
		} else {
			_ = skip.Set("^Example")
		}
	}
	testbed.Main(m, done)
}

// exampleRoot makes what the examples need, or says why not.
func exampleRoot() (done func(), why string) {
	const shell = "/usr/bin/busybox"
	busybox, err := os.ReadFile(shell)
	switch {
	case os.Geteuid() != 0:
		return func() {}, "they need root"
	case os.Getenv("RUNG_EMULATED") != "":
		return func() {}, "the kernel is asked, and this one is emulated"
	case err != nil:
		return func() {}, err.Error()
	case strings.Contains(string(busybox), "/ld-linux"):
		return func() {}, shell + " is not a static one"
	}
	dir, err := os.MkdirTemp("", "rung-example")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	bin := dir + "/rootfs/bin"
	if err == nil {
		err = os.MkdirAll(bin, 0o755)
	}
	for _, d := range []string{"proc", "dev", "sys"} {
		if err == nil {
			err = os.Mkdir(dir+"/rootfs/"+d, 0o755)
		}
	}
	for _, name := range []string{"sh", "hostname", "sleep", "stty"} {
		if err == nil {
			err = os.WriteFile(bin+"/"+name, busybox, 0o755)
		}
	}
	os.Setenv("RUNG_EXAMPLE", dir)
	if err != nil {
		why = err.Error()
	}
	return func() { os.RemoveAll(dir) }, why
}

// inTime fails the test if f takes longer than five seconds.
func inTime(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("hangs")
	}
}

func joining(kind specs.LinuxNamespaceType, path string) *specs.Spec {
	return &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: kind, Path: path}}}}
}

// A path of a namespace may lead to anything: nothing is waited for, and what
// isn't a namespace of the right type is refused by its field.
func TestOpenNamespaces(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	same := testbed.Same(t, os.Getpid())
	for _, tt := range []struct {
		kind       specs.LinuxNamespaceType
		path, want string
	}{
		{specs.NetworkNamespace, dir + "/fifo", dir + "/fifo is not a namespace"},
		{specs.NetworkNamespace, dir + "/file", dir + "/file is not a namespace"},
		{specs.NetworkNamespace, dir, dir + " is not a namespace"},
		{specs.NetworkNamespace, "/dev/null", "/dev/null is not a namespace"},
		{specs.NetworkNamespace, "/proc/self/ns", "/proc/self/ns is not a namespace"},
		{specs.NetworkNamespace, "/proc/self/status", "/proc/self/status is not a namespace"},
		{specs.NetworkNamespace, "/proc/self/ns/uts", "/proc/self/ns/uts is not a network namespace"},
		{specs.UserNamespace, "/proc/self/ns/net", "/proc/self/ns/net is not a user namespace"},
		{specs.IPCNamespace, dir + "/nothing", "open " + dir + "/nothing: no such file or directory"},
	} {
		inTime(t, func() {
			list, err := openNamespaces(joining(tt.kind, tt.path))
			if want := "linux.namespaces[1].path: " + tt.want; err == nil || err.Error() != want || list != nil {
				t.Errorf("openNamespaces(%s) = %v, %v, want %s", tt.path, list, err, want)
			}
		})
	}
	for kind, name := range map[specs.LinuxNamespaceType]string{
		specs.PIDNamespace: "pid", specs.NetworkNamespace: "net", specs.MountNamespace: "mnt", specs.IPCNamespace: "ipc",
		specs.UTSNamespace: "uts", specs.UserNamespace: "user", specs.CgroupNamespace: "cgroup", specs.TimeNamespace: "time",
	} {
		list, err := openNamespaces(joining(kind, "/proc/self/ns/"+name))
		if err != nil || len(list) != 1 || list[0].inner {
			t.Errorf("openNamespaces(%s) = %+v, %v", name, list, err)
		}
		for _, j := range list {
			if flags, _ := unix.FcntlInt(uintptr(j.fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor of %s isn't close-on-exec", name)
			}
		}
		closeNamespaces(list)
	}
	if list, err := openNamespaces(&specs.Spec{}); list != nil || err != nil {
		t.Errorf("openNamespaces of nothing = %v, %v", list, err)
	}
	same()
}

// Namespaces that belong to the joined user namespace can be entered only from
// there.
func TestInnerNamespaces(t *testing.T) {
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "60"}, &os.ProcAttr{Sys: newUserNamespace()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Kill(); _, _ = p.Wait() }()
	dir := fmt.Sprintf("/proc/%d/ns/", p.Pid)
	s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
		{Type: specs.UTSNamespace, Path: dir + "uts"}, {Type: specs.UserNamespace, Path: dir + "user"}, {Type: specs.IPCNamespace, Path: "/proc/self/ns/ipc"},
	}}}
	list, err := openNamespaces(s)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNamespaces(list)
	var got []bool
	for _, j := range list {
		got = append(got, j.inner)
	}
	if want := []bool{true, false, false}; !reflect.DeepEqual(got, want) {
		t.Errorf("inner = %v, want %v", got, want)
	}
}

// Several creations may have one pid file between them: each writes it, and it holds
// one pid, whole.
func TestWritePidFileTogether(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/" + strings.Repeat("x", 255) // as long as a name can be
	var wg sync.WaitGroup
	for pid := 1000; pid < 1032; pid++ {
		wg.Go(func() {
			for range 20 {
				if err := writePidFile(path, pid); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(path)
	if n, aerr := strconv.Atoi(string(got)); err != nil || aerr != nil || n < 1000 || n > 1031 {
		t.Errorf("pid file holds %q, %v", got, err)
	}
	if names := list(t, dir); names != filepath.Base(path) {
		t.Errorf("left beside the pid file: %s", names)
	}
}

func TestWritePidFile(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/pid"
	if err := writePidFile("", 5); err != nil {
		t.Errorf("without a path: %v", err)
	}
	for _, pid := range []int{4711, 1} { // the second replaces the first
		if err := writePidFile(path, pid); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != strconv.Itoa(pid) || err != nil {
			t.Errorf("%q, %v, want %d without a newline", got, err, pid)
		}
	}
	// Never through a link, and nothing is left after a failure.
	if err := os.WriteFile(dir+"/target", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := writePidFile(dir+"/link", 7); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(dir + "/target"); string(got) != "old" {
		t.Errorf("written through a link: %q", got)
	}
	if err := os.Symlink("target", dir+"/.sly.7"); err != nil { // at the temporary name
		t.Fatal(err)
	}
	if err := writePidFile(dir+"/sly", 7); err == nil {
		t.Error("written through a link at the temporary name")
	}
	if got, _ := os.ReadFile(dir + "/target"); string(got) != "old" {
		t.Errorf("written through a link: %q", got)
	}
	if err := os.MkdirAll(dir+"/busy/sub", 0o700); err != nil {
		t.Fatal(err)
	}
	want := list(t, dir)
	for _, bad := range []string{dir + "/busy", dir + "/no/such/dir", dir + "/pid/x", "/proc/pid"} {
		if err := writePidFile(bad, 7); err == nil || !strings.HasPrefix(err.Error(), "pid file: ") {
			t.Errorf("writePidFile(%s) = %v", bad, err)
		}
	}
	if got := list(t, dir); got != want {
		t.Errorf("left after failures: %s, want %s", got, want)
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	l, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range l {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// Whoever reads the pid file at the moment it appears reads all of it.
func TestPidFileIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		for {
			if got, err := os.ReadFile(path); err == nil && string(got) != "1234567" {
				done <- fmt.Errorf("read %q", got)
				return
			}
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
		}
	}()
	for range 50 {
		if err := writePidFile(path, 1234567); err != nil {
			t.Error(err)
		}
		_ = os.Remove(path)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Hooks read what the runtime-spec says a state is.
func TestStateText(t *testing.T) {
	for _, annotations := range []map[string]string{nil, {}, {"b": "2", "a": "1\n\"", "": "é\u2028<"}} {
		s := stateText("my-id", specs.StateCreating, "/bun\"dle\n", annotations).JSON(4711)
		var got specs.State
		if err := json.Unmarshal([]byte(s), &got); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		want := specs.State{Version: specs.Version, ID: "my-id", Status: specs.StateCreating, Pid: 4711, Bundle: "/bun\"dle\n", Annotations: annotations}
		if len(annotations) == 0 {
			want.Annotations = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("state = %+v, want %+v", got, want)
		}
	}
	if got, want := stateText("i", specs.StateCreated, "/b", map[string]string{"z": "1", "a": "2"}).JSON(9),
		`{"ociVersion":"`+specs.Version+`","id":"i","status":"created","bundle":"/b","annotations":{"a":"2","z":"1"},"pid":9}`; got != want {
		t.Errorf("state = %s, want %s", got, want)
	}
}

func TestUndo(t *testing.T) {
	var got []int
	var u undo
	for i := range 3 {
		u.push(func() { got = append(got, i) })
	}
	u.run()
	u.run() // once only
	if !reflect.DeepEqual(got, []int{2, 1, 0}) {
		t.Errorf("undone in order %v", got)
	}
	u.push(func() { t.Error("undone after keep") })
	u.keep()
	u.run()
}

// What a start that was killed has left doesn't keep the next one from being
// notified.
func TestNotifierTwice(t *testing.T) {
	host := t.TempDir() + "/host"
	t.Setenv("NOTIFY_SOCKET", host)
	e, err := state.Store{Root: t.TempDir()}.Create("c")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if n, err := newNotifier(e, (&Runtime{Effects: Effects{Systemd: true}}).notifySocket()); n != nil || err != nil {
		t.Errorf("newNotifier without a directory = %v, %v, want nothing", n, err)
	}
	if err := unix.Mkdirat(e.FD, state.NotifyName, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n, err := newNotifier(e, (&Runtime{Effects: Effects{Systemd: true}}).notifySocket())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(e.Dir, state.NotifyName, notifySocket)
		st, err := os.Stat(path)
		if err != nil || st.Mode().Perm() != 0o777 {
			t.Errorf("socket: %v, %v, want mode 0777", st, err)
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendto(fd, []byte("READY=1"), 0, &unix.SockaddrUnix{Name: path}); err != nil {
			t.Errorf("send: %v", err)
		}
		unix.Close(fd)
		buf := make([]byte, 20)
		if size, _, err := unix.Recvfrom(n.fd, buf, unix.MSG_DONTWAIT); err != nil || string(buf[:size]) != "READY=1" {
			t.Errorf("received %q, %v", buf[:max(size, 0)], err)
		}
		n.close()
	}
	if to := new(Runtime).notifySocket(); to != "" {
		t.Errorf("who hasn't asked for it notifies %s", to)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if n, err := newNotifier(e, (&Runtime{Effects: Effects{Systemd: true}}).notifySocket()); n != nil || err != nil {
		t.Errorf("newNotifier without NOTIFY_SOCKET = %v, %v, want nothing", n, err)
	}
}

func TestOwnPIDNamespace(t *testing.T) {
	for _, tt := range []struct {
		s    specs.Spec
		want bool
	}{
		{specs.Spec{}, false},
		{specs.Spec{Linux: &specs.Linux{}}, false},
		{*joining(specs.NetworkNamespace, "/x"), true},
		{specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace, Path: "/x"}}}}, false},
	} {
		if got := ownPIDNamespace(&tt.s); got != tt.want {
			t.Errorf("ownPIDNamespace(%+v) = %v, want %v", tt.s.Linux, got, tt.want)
		}
	}
}

func newUserNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
	}
}
