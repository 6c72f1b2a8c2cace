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

// CVE-2025-31133: what an image has at /dev/null can't become a mask. The run
// fails, or the masks are right.
func TestMaskNull(t *testing.T) {
	const masked = "/proc/version"
	for _, kind := range []string{"link:/proc/sys/kernel/core_pattern", "link:zero", "missing", "file", "fifo", "socket", "char:5", "char:3", "dir"} {
		t.Run(strings.ReplaceAll(kind, "/", "_"), func(t *testing.T) {
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
			if r.Code != 0 {
				t.Logf("refused: %s", lastLine(r.Stderr))
				if r.Stdout != "" || r.Stderr == "" {
					t.Errorf("the container ran, or no error: %v", r)
				}
				return
			}
			tries := r.Report(t).Tries
			for _, path := range []string{masked, "/etc/mask"} {
				if got := tries["stat:"+path]; !strings.HasPrefix(got, "ok char ") || !strings.HasSuffix(got, " 1:3") {
					t.Errorf("masked %s is %q, want the device 1:3", path, got)
				}
			}
			if got := tries["read:"+masked]; got != "ok" {
				t.Errorf("read %s = %q, want nothing", masked, got)
			}
			t.Logf("masked: %v", tries)
		})
	}
}

// The runtime's standard streams go to the container's user, but not when they
// are the host's /dev/null (the guard looks at its owner), and not by name.
func TestNullOwner(t *testing.T) {
	d := newDecoy(t)
	for _, target := range []string{filepath.Join(d.dir, "f"), filepath.Join(d.dir, "new")} {
		for _, relative := range []bool{false, true} {
			b := harness.New(t, harness.DropMount("/dev"), func(s *specs.Spec) { s.Process.User = specs.User{UID: 1000, GID: 1000} })
			link := target
			if relative {
				link = up(t, b, "dev/null", target)
			}
			symlink(t, b, link, "dev/null")
			call := b.Cmd("run")
			null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			call.Stdin, call.Stdout = null, null
			r := call.Run(t)
			null.Close()
			t.Logf("exit code %d %s", r.Code, lastLine(r.Stderr))
			d.check(t)
		}
	}
}
