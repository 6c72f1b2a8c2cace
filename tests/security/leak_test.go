package security

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// CVE-2024-21626: no working directory or program by a leaked descriptor.
func TestDescriptorPaths(t *testing.T) {
	harness.Once(t)
	count := 0
	for n := 3; n <= 40; n++ {
		for _, up := range []string{"", "/../.."} {
			path := fmt.Sprintf("/proc/self/fd/%d%s", n, up)
			b := harness.New(t, harness.Args("/bin/pwd"), func(s *specs.Spec) { s.Process.Cwd = path })
			call := b.Cmd("run")
			call.Files = []*os.File{open(t, "/etc"), open(t, "/")}
			if r := call.Run(t); r.Code == 0 || r.Stderr == "" || r.Stdout != "" {
				t.Errorf("cwd %s: want an error: %v", path, r)
			}
			b = harness.New(t, harness.Args(path+"/bin/sh", "-c", "echo ran"))
			call = b.Cmd("run")
			call.Files = []*os.File{open(t, "/etc"), open(t, "/")}
			if r := call.Run(t); r.Code == 0 || r.Stderr == "" || r.Stdout != "" {
				t.Errorf("program %s: want an error: %v", path, r)
			}
			count += 2
		}
	}
	b := harness.New(t, harness.Args("/bin/pwd"), func(s *specs.Spec) { s.Process.Cwd = "/w" })
	symlink(t, b, "/proc/self/fd/7/../..", "w")
	if r := b.Container(t, "run"); r.Code == 0 || r.Stdout != "" {
		t.Errorf("cwd by a link: want an error: %v", r)
	}
	t.Logf("%d configurations", count+1)
}

// A container gets the standard descriptors and those that were promised.
func TestDescriptors(t *testing.T) {
	harness.Share(t)
	list := harness.Shell(`for i in /proc/self/fd/*; do echo ${i##*/}; done; cat <&3`)
	b := harness.New(t, harness.Args("/bin/ls", "/proc/self/fd"))
	call := b.Cmd("run")
	call.Files = []*os.File{open(t, "/"), open(t, "/etc"), nil, open(t, "/etc/passwd")}
	// ls has its own directory open, as 3.
	if r := call.Run(t); r.Code != 0 || strings.Join(strings.Fields(r.Stdout), " ") != "0 1 2 3" {
		t.Errorf("want 0 1 2 and ls's own: %v", r)
	}

	file := filepath.Join(harness.TempDir(t), "file")
	if err := os.WriteFile(file, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	b = harness.New(t, list)
	call = b.Cmd("run", "--preserve-fds", "1")
	call.Files = []*os.File{open(t, file), open(t, "/etc")}
	if r := call.Run(t); r.Code != 0 || !strings.HasSuffix(r.Stdout, "kept") {
		t.Errorf("want the preserved file's text: %v", r)
	}

	// A hole among the preserved ones is refused: nothing is invented for it.
	for _, files := range [][]*os.File{{open(t, file), nil, open(t, file)}, {nil, open(t, file)}, {open(t, file)}, nil} {
		b = harness.New(t, list)
		call = b.Cmd("run", "--preserve-fds", "3")
		call.Files = files
		r := call.Run(t)
		r.Fails(t, 1, "preserved-fd")
		if r.Stdout != "" {
			t.Errorf("the container ran: %v", r)
		}
	}
}

// Root and working directory of a container are in the container.
func TestRootAndCwd(t *testing.T) {
	harness.Share(t)
	for _, edit := range []harness.Edit{func(*specs.Spec) {}, harness.MappedRoot} {
		b := harness.New(t, harness.Args("/bin/sleep", "60"), edit, func(s *specs.Spec) { s.Process.Cwd = "/tmp" })
		b.Chown(t)
		pid, _ := b.Create(t)
		check := func(when string) {
			var host unix.Stat_t
			if err := unix.Stat("/", &host); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"root", "cwd"} {
				var st unix.Stat_t
				if err := unix.Stat(fmt.Sprintf("/proc/%d/%s", pid, name), &st); err != nil {
					t.Fatal(err)
				}
				if st.Ino == host.Ino && st.Dev == host.Dev {
					t.Errorf("%s: %s is the host's /", when, name)
				}
			}
		}
		check("created")
		b.Must(t, "start")
		check("running")
		b.Must(t, "delete", "--force")
	}
}

// What the runtime keeps of a container is closed to others whatever the umask.
func TestModes(t *testing.T) {
	harness.Share(t)
	for _, umask := range []string{"000", "022", "777"} {
		b := harness.New(t, harness.Args("/bin/sleep", "60"))
		call := b.Cmd("create")
		call.Via = []string{"sh", "-c", "umask " + umask + `; exec "$@"`, "sh"}
		b.CreateBy(t, call)
		limit := map[string]os.FileMode{b.Root: 0o700, filepath.Join(b.Root, b.ID): 0o711}
		count := 0
		err := filepath.Walk(b.Root, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			most, ok := limit[path]
			switch {
			case ok:
			case info.IsDir():
				most = 0o711
			case info.Mode()&os.ModeNamedPipe != 0:
				most = 0o622
			default:
				most = 0o600
			}
			if got := info.Mode().Perm(); got&^most != 0 {
				t.Errorf("umask %s: %s has mode %o, want at most %o", umask, path, got, most)
			}
			count++
			return nil
		})
		if err != nil || count < 5 {
			t.Errorf("umask %s: %d files, %v", umask, count, err)
		}
		b.Must(t, "start")
		b.WaitStatus(t, specs.StateRunning)
		b.Must(t, "delete", "--force")
		t.Logf("umask %s: %d files", umask, count)
	}
}

// CVE-2016-10124: a container without a terminal of its own has no controlling
// one, and can't type into its caller's.
func TestTerminalInjection(t *testing.T) {
	harness.Once(t)
	for _, own := range []bool{false, true} {
		b := harness.New(t, harness.Shell(`/bin/attack type >/tmp/out`), func(s *specs.Spec) {
			s.Root.Readonly = false
			s.Process.Terminal = own
		})
		install(t, b, harness.Program(t, "attack"))
		_, slave := harness.OpenPTY(t)
		call := b.Cmd("run")
		call.TTY, call.Stdin = true, slave
		if r := call.Run(t); r.Code != 0 {
			t.Fatalf("%v", r)
		}
		data, err := os.ReadFile(filepath.Join(b.Rootfs, "tmp/out"))
		if err != nil {
			t.Fatal(err)
		}
		var got report.Type
		decode(t, data, &got)
		t.Logf("own terminal %v: %+v", own, got)
		if !own && (got.Stdin == "ok" || got.TTY == "ok") || got.Paste == "ok" {
			t.Errorf("own terminal %v: %+v, want refusals", own, got)
		}
		if got.SID != 1 {
			t.Errorf("session %d, want the container's own", got.SID)
		}
	}
}

// A container doesn't see the keys of its caller's session.
func TestKeyring(t *testing.T) {
	harness.Share(t)
	runtime.LockOSThread() // the session keyring is a thread's; this one dies with the test
	name := harness.Unique()
	if _, err := unix.KeyctlJoinSessionKeyring(name); err != nil {
		t.Skipf("no keyrings: %v", err)
	}
	id, err := unix.AddKey("user", name+"-key", []byte("secret"), unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0)
	// Visible to who possesses it only, not to every root.
	if err := unix.KeyctlSetperm(id, 0x3f000000); err != nil {
		t.Fatal(err)
	}
	for _, own := range []bool{true, false} {
		flags := []string{"run"}
		if !own {
			flags = append(flags, "--no-new-keyring")
		}
		b := harness.New(t, harness.Args("/bin/cat", "/proc/keys"), func(s *specs.Spec) { s.Linux.MaskedPaths = nil })
		r := b.Container(t, flags...)
		r.Silent(t)
		if got := strings.Contains(r.Stdout, name+"-key"); got == own {
			t.Errorf("new keyring %v: the caller's key is visible = %v: %s", own, got, r.Stdout)
		}
		if own && !strings.Contains(r.Stdout, "_ses."+b.ID) {
			t.Errorf("no session keyring of the container's: %s", r.Stdout)
		}
	}
}
