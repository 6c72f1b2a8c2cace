package security

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// CVE-2025-31133: what an image has at /dev/null can't become a mask. Ours are the
// host's, so the masks are right whatever it has; other runtimes may refuse to run.
func TestMaskNull(t *testing.T) {
	const masked = "/proc/version"
	for _, kind := range []string{"link:/proc/sys/kernel/core_pattern", "link:zero", "missing", "file", "fifo", "socket", "char:5", "char:3", "dir"} {
		t.Run(strings.ReplaceAll(kind, "/", "_"), func(t *testing.T) {
			harness.Share(t)
			b := harness.New(t, harness.Probe("stat:"+masked, "read:"+masked, "stat:/etc/mask"), harness.DropMount("/dev"))
			dev := filepath.Join(b.Dir, "dev")
			if err := os.Mkdir(dev, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := makeNode(dev+"/null", kind); err != nil {
				t.Fatal(err)
			}
			b.Write(t, "etc/mask", "secret", 0o644)
			harness.AddMount(bind(dev, "/dev"))(b.Spec)
			b.Spec.Linux.MaskedPaths = []string{masked, "/etc/mask"}
			b.Save(t)
			r := b.Container(t, "run")
			if r.Elapsed > 5*time.Second {
				t.Errorf("took %v", r.Elapsed)
			}
			if r.Code != 0 && !harness.IsRung() {
				t.Logf("refused: %s", lastLine(r.Stderr))
				if r.Stdout != "" || r.Stderr == "" {
					t.Errorf("the container ran, or no error: %v", r)
				}
				return
			}
			r.Silent(t)
			tries := r.Report(t).Tries
			for _, path := range []string{masked, "/etc/mask"} {
				if got := tries["stat:"+path]; !strings.HasPrefix(got, "ok char ") || !strings.HasSuffix(got, " 1:3") {
					t.Errorf("masked %s is %q, want the device 1:3", path, got)
				}
			}
			if got := tries["read:"+masked]; got != "ok" {
				t.Errorf("read %s = %q, want nothing", masked, got)
			}
		})
	}
}

// The container's user gets the standard streams, but not the host's /dev/null, which
// is known by what the descriptor is and not by the name, for an image can have
// anything there. The guard looks at the owner of the host's.
func TestNullOwner(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "runc puts pipes between")
	d := newDecoy(t)
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	// The shell's own streams, seen from a subshell, which has another stdout; stderr is
	// a file of the host's.
	const owners = `exec 3>/out; (stat -L -c '%u %F' /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 >&3); true`
	for _, target := range []string{filepath.Join(d.dir, "f"), filepath.Join(d.dir, "new")} {
		for _, relative := range []bool{false, true} {
			b := harness.New(t, harness.Shell(owners), harness.DropMount("/dev"), func(s *specs.Spec) {
				s.Process.User, s.Root.Readonly = specs.User{UID: 1000, GID: 1000}, false
			})
			b.Write(t, "out", "", 0o666)
			link := target
			if relative {
				link = up(t, b, "dev/null", target)
			}
			run := func() *harness.Result {
				call := b.Cmd("run")
				call.Stdin, call.Stdout = null, null
				return call.Run(t)
			}
			// In a root filesystem that the runtime makes devices in, it's in the way.
			symlink(t, b, link, "dev/null")
			run().Fails(t, 1, "/dev/null: exists and is another kind of file")
			d.check(t)
			if text, err := os.ReadFile(filepath.Join(b.Rootfs, "out")); err != nil || len(text) > 0 {
				t.Errorf("refused, and yet the container ran: %q, %v", text, err)
			}
			// In a /dev that the runtime leaves alone, it's the container's affair.
			dev := filepath.Join(b.Dir, "dev")
			if err := os.Mkdir(dev, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(link, dev+"/null"); err != nil {
				t.Fatal(err)
			}
			harness.AddMount(bind(dev, "/dev"))(b.Spec)
			b.Save(t)
			if r := run(); r.Code != 0 || r.Stderr != "" {
				t.Errorf("want success: %v", r)
			}
			d.check(t)
			text, err := os.ReadFile(filepath.Join(b.Rootfs, "out"))
			if want := "0 character special file\n0 character special file\n1000 regular empty file\n"; string(text) != want {
				t.Errorf("owners of stdin, stdout (the host's /dev/null) and stderr (a file): %q, %v, want %q", text, err, want)
			}
		}
	}
}
