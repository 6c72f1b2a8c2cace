package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/release"
)

// build makes everything that all views use: the runtime, the probe and the
// root filesystem's pattern.
func build(dir string) error {
	module := ""
	if prebuilt() == "" {
		var err error
		if module, err = moduleDir(); err != nil {
			return err
		}
	}
	if err := goBuild(filepath.Join(module, "probe"), dir+"/probe", "."); err != nil {
		return err
	}
	if os.Getenv("RUNTIME") != "" {
		return nil
	}
	return goBuild(filepath.Dir(module), dir+"/bin/rung", ".", "-ldflags="+release.LinkFlags(runtime.GOARCH))
}

// prebuilt is a directory of programs that were built elsewhere, for a machine
// without Go.
func prebuilt() string { return os.Getenv("RUNG_PREBUILT") }

func goBuild(dir, out, pkg string, flags ...string) error {
	if from := prebuilt(); from != "" {
		// A copy: its inode tells whose processes are whose.
		data, err := os.ReadFile(filepath.Join(from, filepath.Base(out)))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(out), 0o755)
		}
		if err != nil {
			return err
		}
		return os.WriteFile(out, data, 0o755)
	}
	args := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}
	args = append(args, "-tags", strings.Trim(release.Tags+","+os.Getenv("RUNG_TAGS"), ","))
	cmd := exec.Command("go", append(append(args, flags...), pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", filepath.Base(out), err, text)
	}
	return nil
}

// Runtime is the path of the runtime under test.
func Runtime() string {
	if path := os.Getenv("RUNTIME"); path != "" {
		return path
	}
	return Dir() + "/bin/rung"
}

// Emulated reports whether the processor is emulated: it is some twenty times slower, and how long anything takes says nothing.
func Emulated() bool { return os.Getenv("RUNG_EMULATED") != "" }

// Patience is a time limit that holds on an emulated machine too.
func Patience(limit time.Duration) time.Duration {
	if Emulated() {
		return 10 * limit
	}
	return limit
}

// IsRung reports whether the runtime under test is this repository's.
func IsRung() bool { return os.Getenv("RUNTIME") == "" || filepath.Base(Runtime()) == "rung" }

// NeedRung skips a test of what only rung does when another runtime is tested.
func NeedRung(t testing.TB, why string) {
	t.Helper()
	if !IsRung() {
		t.Skipf("%s: not asked of %s", why, filepath.Base(Runtime()))
	}
}

// ProbePath is the probe's path on the host.
func ProbePath() string { return Dir() + "/probe" }

// C compiles a C program without a libc, once, for programs that must be
// smaller than Go's: the text defines void _start(void), and gets "sys.h" with
// long sys(long number, ...up to 6 arguments). It returns the binary's path.
func C(t testing.TB, name, text string) string {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("programs without a libc are for amd64 and arm64 here, not for " + runtime.GOARCH)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs gcc (apt install gcc)")
	}
	out := filepath.Join(Dir(), "c-"+name)
	if _, err := os.Stat(out); err == nil {
		return out
	}
	src := out + ".c"
	write(t, src, sysHeader+text, 0o644)
	cmd := exec.Command("gcc", "-Os", "-static", "-nostdlib", "-nostartfiles", "-ffreestanding", "-fno-stack-protector",
		"-fno-asynchronous-unwind-tables", "-fno-pie", "-no-pie", "-Wl,--build-id=none", "-o", out, src)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", name, err, text)
	}
	return out
}

const sysHeader = `
#if defined(__x86_64__)
#define NR_write 1
#define NR_exit 60
static long sys(long n, long a, long b, long c, long d, long e, long f) {
	long r;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
#define NR_write 64
#define NR_exit 93
static long sys(long n, long a, long b, long c, long d, long e, long f) {
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#endif
`

// template is what the runtime's own spec command writes.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp(Dir(), "spec-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(Runtime(), "spec", "--bundle", dir)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("spec: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return os.ReadFile(filepath.Join(dir, "config.json"))
})

// Template is the configuration that the runtime's spec command writes, with a
// cgroup path and without a terminal: every call returns a new one.
func Template(t testing.TB) *specs.Spec {
	t.Helper()
	data, err := template()
	if err != nil {
		t.Fatal(err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(data, s); err != nil {
		t.Fatalf("spec: %v", err)
	}
	s.Process.Terminal = false
	// rung writes one for hosts of cgroup v2 only, as runc does; it works on all.
	own := slices.ContainsFunc(s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.CgroupNamespace })
	if IsRung() && !own {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}
	return s
}
