package security

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
	"github.com/rung-oci/rung/tests/security/attack/report"
)

// CVE-2019-5736: a container that runs, or gets hold of, the executable behind
// /proc/PID/exe can't write the runtime's file.
func TestExecutableOverwrite(t *testing.T) {
	path, changed := harness.UseCopy(t)
	a := attack(t, []string{"exe"}, harness.Capabilities("CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_LINUX_IMMUTABLE"))
	join := harness.JoinNS(specs.PIDNamespace, a.ns("pid"))
	var bundles []*harness.Bundle
	for _, args := range [][]string{{"/proc/self/exe"}, {"/bin/evil"}, {"/bin/x"}} {
		b := harness.New(t, join, harness.Args(args...))
		b.Write(t, "bin/evil", "#!/proc/self/exe\n", 0o755)
		if err := os.Symlink("/proc/self/exe", filepath.Join(b.Rootfs, "bin/x")); err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, b)
	}
	runs, codes := rounds(100, 25), map[string]int{}
	for range runs {
		for _, b := range bundles {
			r := b.Container(t, "run")
			codes[fmt.Sprintf("%s: %d %s", b.Spec.Process.Args[0], r.Code, lastLine(r.Stderr))]++
		}
	}
	var e report.Exe
	a.end(t, &e)
	t.Logf("%d runs: %d tries to open an executable; denied %v; opened %v", 3*runs, e.Tries, e.Denied, e.Opened)
	t.Logf("ends: %v", codes)
	if e.Tries < runs || e.Denied[unix.EROFS.Error()]+e.Denied[unix.ETXTBSY.Error()]+e.Denied[unix.EACCES.Error()]+e.Denied["sealed"] == 0 {
		t.Errorf("tries %d, denied %v: too few to prove anything", e.Tries, e.Denied)
	}
	for what, n := range e.Opened {
		t.Errorf("opened for writing %d times: %s", n, what)
	}
	if changed() {
		t.Errorf("%s has changed", path)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	_, text, _ := strings.Cut(lines[len(lines)-1], "msg=")
	return text
}
