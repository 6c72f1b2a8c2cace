package lifecycle

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// open3 opens three files of different names for the runtime to inherit.
func open3(t *testing.T) (files []*os.File) {
	t.Helper()
	dir := harness.TempDir(t)
	for _, name := range []string{"three", "four", "five"} {
		f, err := os.Create(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files = append(files, f)
	}
	return files
}

func fdNames(fds map[int]string) (names []string) {
	for fd, link := range fds {
		if fd > 2 {
			names = append(names, fmt.Sprint(fd, " ", link[strings.LastIndexByte(link, '/')+1:]))
		}
	}
	slices.Sort(names)
	return names
}

func TestPreservedDescriptors(t *testing.T) {
	harness.Share(t)
	for _, c := range []struct {
		name   string
		listen bool // by the protocol of sd_listen_fds
		flags  []string
		want   []string
		vars   string // LISTEN_FDS and LISTEN_PID
	}{
		{"none", false, nil, nil, "unset unset"},
		{"two", false, []string{"--preserve-fds", "2"}, []string{"3 three", "4 four"}, "unset unset"},
		{"listen", true, nil, []string{"3 three"}, "1 1"},
		{"listen and more", true, []string{"--preserve-fds", "2"}, []string{"3 three", "4 four", "5 five"}, "1 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := harness.New(t, harness.Probe())
			cmd := b.Cmd(append([]string{"run"}, c.flags...)...)
			if c.listen {
				cmd.Via = sh("export LISTEN_FDS=1 LISTEN_PID=$$")
			}
			cmd.Files = open3(t)
			res := cmd.Run(t)
			res.Silent(t)
			r := res.Report(t)
			if got := fdNames(r.FDs); !slices.Equal(got, c.want) {
				t.Errorf("descriptors = %v, want %v", got, c.want)
			}
			if got := harnessEnv(r.Env, "LISTEN_FDS") + " " + harnessEnv(r.Env, "LISTEN_PID"); got != c.vars {
				t.Errorf("LISTEN_FDS, LISTEN_PID = %s, want %s", got, c.vars)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		harness.NeedRung(t, "an error for descriptors that aren't there")
		b := harness.New(t, harness.Probe())
		cmd := b.Cmd("run", "--preserve-fds", "5")
		cmd.Files = open3(t)
		cmd.Run(t).Fails(t, 1, "")
	})
}

func TestPidfdSocket(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "--pidfd-socket")
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	recv := harness.Receive(t)
	pid, _ := b.Create(t, "--pidfd-socket", recv.Path)
	f, _ := recv.Accept(t)
	if got := pidOf(t, f); got != pid {
		t.Errorf("the pidfd is of process %d, want %d", got, pid)
	}
	b.Must(t, "start")
	if err := unix.PidfdSendSignal(int(f.Fd()), unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("status %x, want killed", ws)
	}
	b.Must(t, "delete")
}

func pidOf(t *testing.T, f *os.File) (pid int) {
	t.Helper()
	info, err := os.Open(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer info.Close()
	for s := bufio.NewScanner(info); s.Scan(); {
		if n, _ := fmt.Sscanf(s.Text(), "Pid: %d", &pid); n == 1 {
			return pid
		}
	}
	return -1
}

// The service manager hears READY=1 of the container, with the host's pid.
func TestNotifySocket(t *testing.T) {
	harness.Share(t)
	b := harness.New(t, harness.Args("/bin/notify"))
	copyProgram(t, harness.C(t, "notify", notifyProgram), b.Rootfs+"/bin/notify")
	n := harness.ListenNotify(t)
	cmd := b.Cmd("run", "--detach")
	cmd.Env = []string{"PATH=/bin:/usr/bin", "NOTIFY_SOCKET=" + n.Path}
	file := b.Dir + "/pid"
	cmd.Args = append(cmd.Args[:len(cmd.Args)-1], "--pid-file", file, b.ID)
	p := cmd.Start(t)
	got := n.Until(t, "READY=1")
	if slices.Contains(got, "STATUS=evil") {
		t.Errorf("messages %q, want READY=1 and no others of the container's", got)
	}
	main := n.UntilPrefix(t, "MAINPID=")
	if harness.IsRung() {
		n.Until(t, "BARRIER=1")
	}
	p.Wait(t).Silent(t)
	pid := harness.PID(t, file)
	if want := fmt.Sprintf("MAINPID=%d", pid); main != want {
		t.Errorf("%s, want %s", main, want)
	}
	b.End(t, pid)
}

func copyProgram(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// notifyProgram sends two messages to /run/notify/notify.sock and sleeps.
const notifyProgram = `
#if defined(__x86_64__)
enum { NR_socket = 41, NR_sendto = 44, NR_pause = 34 };
#else
enum { NR_socket = 198, NR_sendto = 206, NR_pause = 73 };
#endif
static const char evil[] = "STATUS=evil", ready[] = "READY=1";
static struct { unsigned short family; char path[108]; } addr = { 1, "/run/notify/notify.sock" };
void _start(void) {
	long fd = sys(NR_socket, 1, 2, 0, 0, 0, 0);
	sys(NR_sendto, fd, (long)evil, sizeof evil - 1, 0, (long)&addr, sizeof addr);
	sys(NR_sendto, fd, (long)ready, sizeof ready - 1, 0, (long)&addr, sizeof addr);
	for (;;) sys(NR_pause, 0, 0, 0, 0, 0, 0);
}
`
