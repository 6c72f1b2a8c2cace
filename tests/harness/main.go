package harness

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	insideEnv = "RUNGT_INSIDE" // the view that this process is in
	dirEnv    = "RUNGT_DIR"    // the directory of the whole test run of a package
)

// Main runs a package's tests in every view and exits. Call it from TestMain.
func Main(m *testing.M) {
	if os.Getenv(insideEnv) != "" {
		os.Exit(inside(m))
	}
	if os.Geteuid() != 0 {
		fmt.Println("skipped: the end-to-end tests need root")
		os.Exit(0)
	}
	// Bundles must be within reach of other users: user namespaces. /var/tmp
	// isn't a tmpfs, whose quota an image could exceed.
	dir, err := os.MkdirTemp("", "rungt-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	code := allViews(dir)
	if os.Getenv("RUNG_KEEP") == "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func allViews(dir string) int {
	want := strings.FieldsFunc(os.Getenv("RUNG_VIEW"), func(r rune) bool { return r == ',' })
	views := slices.DeleteFunc(available(), func(v view) bool { return len(want) > 0 && !slices.Contains(want, v.name) })
	var names []string
	for _, v := range views {
		names = append(names, v.name)
	}
	code, summary := 0, ""
	for _, v := range views {
		start := time.Now()
		err := runView(dir, v, names)
		word := "ok"
		if err != nil {
			word, code = "FAIL", 1
		}
		summary += fmt.Sprintf("  %s %s %.1fs", v.name, word, time.Since(start).Seconds())
	}
	if summary == "" {
		summary, code = " none of RUNG_VIEW="+os.Getenv("RUNG_VIEW")+" can be had on this host", 1
	}
	fmt.Println("views:" + summary)
	return code
}

// runView runs the test binary again in a mount namespace that shows one view.
func runView(dir string, v view, all []string) error {
	args := []string{"-m", "--propagation", "private", "sh", "-c", v.script + ` exec "$@"`, "sh", "/proc/self/exe"}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args[len(args)-1] = self
	for _, arg := range os.Args[1:] {
		// Both are the go command's, and of this process.
		if !strings.HasPrefix(arg, "-test.testlogfile") && !strings.HasPrefix(arg, "-test.paniconexit0") {
			args = append(args, arg)
		}
	}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), insideEnv+"="+v.name, dirEnv+"="+dir, viewsEnv+"="+strings.Join(all, ","))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	runtime.LockOSThread() // the death signal is sent when the thread ends
	// The one inside is interrupted too, and cleans up. Ignoring the signal here
	// would be inherited.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	return cmd.Run()
}

// inside is the tests' run in one view. This process is a subreaper, as engines
// are: the first processes of containers become its children.
func inside(m *testing.M) int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "harness: become a subreaper:", err)
		return 1
	}
	before := look()
	code := m.Run()
	if left := settle(before, nil, ""); len(left) > 0 {
		fmt.Printf("%s view: residue %d after all tests\n\t%s\n", View(), len(left), strings.Join(left, "\n\t"))
		return 1
	}
	if testing.Verbose() {
		fmt.Printf("%s view: residue 0\n", View())
	}
	return code
}

// Dir is the directory of this package's whole test run; every user can search it.
func Dir() string { return os.Getenv(dirEnv) }

// moduleDir finds the directory of this go.mod upwards from the current one.
func moduleDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(data), "module github.com/rung-oci/rung/tests") {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the go.mod of the tests isn't above the current directory")
}
