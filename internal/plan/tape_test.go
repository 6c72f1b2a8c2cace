package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

func itoa(n int) string { return strconv.Itoa(n) }

func octal(n uint32) string { return strconv.FormatUint(uint64(n), 8) }

// fields prints a step without its pointers.
func fields(s any) string {
	return strings.TrimPrefix(fmt.Sprintf("%+v", reflect.ValueOf(s).Elem().Interface()), "&")
}

// play plays a part of a tape in a process and tells the error's text, or which
// program it would execute.
func play(t *testing.T, s *specs.Spec, part func(p *planner)) string {
	t.Helper()
	p := &planner{Plan: &Plan{Tape: nsenter.NewTape()}, spec: s, host: facts(), opt: options()}
	p.t = p.Tape
	buf := p.t.Alloc(8)
	part(p)
	_ = buf
	player, err := nsenter.NewLocal(p.t.Image())
	if err != nil {
		t.Fatal(err)
	}
	defer player.Free()
	pid, err := nsenter.Fork(&nsenter.CloneArgs{ExitSignal: uint64(unix.SIGCHLD)}, player)
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { unix.Kill(pid, unix.SIGKILL) })
	defer timer.Stop()
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	if ws.Signaled() {
		t.Fatalf("killed by %v", ws.Signal())
	}
	if e := player.Progress.Errno; e != 0 {
		return Text(p.t.Label(int(player.Progress.Step)), e)
	}
	if p.program == 0 {
		return ""
	}
	found := int(player.Arena.Word(p.program) - player.Arena.Addr(0))
	im := p.t.Image().Data
	return "found " + unix.ByteSliceToString(im[found:])
}

func process(cwd, path string, args ...string) *specs.Spec {
	return &specs.Spec{Process: &specs.Process{Cwd: cwd, Args: args, Env: []string{"X=1", "PATH=" + path}}}
}

// The program is looked up as a shell would do it, with the process's rights.
func TestFindProgram(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"a", "b", "c", "b/dir", "c/only"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"a/plain": 0o644, "b/plain": 0o755, "b/prog": 0o755, "c/prog": 0o755, "c/dir": 0o755, "a/x": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("loop", filepath.Join(dir, "a/loop")); err != nil {
		t.Fatal(err)
	}
	at := func(names ...string) string {
		var list []string
		for _, n := range names {
			if n != "" && n[0] == '=' {
				list = append(list, n[1:])
			} else {
				list = append(list, filepath.Join(dir, n))
			}
		}
		return strings.Join(list, ":")
	}
	missing := func(n string) string { return `exec: "` + n + `": executable file not found in $PATH` }
	// 40000 directories: more entries than 16 bits can count.
	many := strings.Repeat("/:", 40000) + dir + "/b" + strings.Repeat(":/", 10)
	early := dir + "/b" + strings.Repeat(":/", 40000) + ":" + dir + "/c"
	for _, tt := range []struct{ path, name, want string }{
		{at("a", "b", "c"), "prog", "found " + at("b/prog")},
		{at("c", "b"), "prog", "found " + at("c/prog")},
		{at("a", "b"), "plain", "found " + at("b/plain")}, // the first can't be executed
		{at("b", "c"), "dir", "found " + at("c/dir")},     // the first is a directory
		{at("c"), "only", missing("only")},
		{at("a"), "x", missing("x")},
		{at("a", "b", "c"), "nothing", missing("nothing")},
		{at("a"), "loop", missing("loop")},
		{"", "prog", missing("prog")},
		{"=", "prog", missing("prog")},
		{at("b") + "/", "prog", "found " + at("b/prog")},
		{"b:.::" + at("c"), "prog", "found " + at("c/prog")}, // never in the working directory
		{at("b/prog", "c"), "prog", "found " + at("c/prog")}, // a file in PATH
		{"/" + strings.Repeat("x", 300) + ":" + at("b"), "prog", "found " + at("b/prog")},
		{at("b"), strings.Repeat("y", 300), missing(strings.Repeat("y", 300))},
		{many, "prog", "found " + at("b/prog")},
		{early, "prog", "found " + at("b/prog")},
		{"", at("b/prog"), "found " + at("b/prog")},
		{"", at("b"), `exec: "` + at("b") + `": is a directory: permission denied`},
		{"", at("a/x"), `exec: "` + at("a/x") + `": permission denied`},
		{"", at("nothing"), `exec: "` + at("nothing") + `": stat ` + at("nothing") + `: no such file or directory`},
		{"", at("b/prog/x"), `exec: "` + at("b/prog/x") + `": stat ` + at("b/prog/x") + `: not a directory`},
	} {
		got := play(t, process("/", tt.path, tt.name), func(p *planner) { p.findProgram() })
		if got != tt.want {
			t.Errorf("%.60q in PATH %.100q: %.200s, want %.200s", tt.name, tt.path, got, tt.want)
		}
	}
}

// The working directory is entered as root, else as the user.
func TestChdir(t *testing.T) {
	dir := t.TempDir()
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/private", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	failed := func(d, why string) string {
		return fmt.Sprintf("chdir to cwd (%q) set in config.json failed: %s", d, why)
	}
	for _, tt := range []struct {
		cwd, want string
		root      bool // only root may enter it, and we are root no more
	}{
		{dir, "", false},
		{dir + "/private", "", false},
		{"/", "", false},
		{dir + "/nothing", failed(dir+"/nothing", "no such file or directory"), false},
		{dir + "/file", failed(dir+"/file", "not a directory"), false},
		{dir + "/private", failed(dir+"/private", "permission denied"), true},
		{dir, "", true},
	} {
		got := play(t, process(tt.cwd, ""), func(p *planner) {
			if tt.root {
				p.t.Call("be another", nsenter.SysSetresuid, nsenter.Int(12345), nsenter.Int(12345), nsenter.Int(12345))
			}
			p.chdirAgain(p.chdir())
		})
		if got != tt.want {
			t.Errorf("chdir to %s: %q, want %q", tt.cwd, got, tt.want)
		}
	}
}

// A working directory outside of the root is found out (CVE-2024-21626).
func TestChdirOutside(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/root", 0o755); err != nil {
		t.Fatal(err)
	}
	outside, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(outside)
	got := play(t, process(".", ""), func(p *planner) {
		p.t.Call("go outside", unix.SYS_FCHDIR, nsenter.Int(outside))
		p.t.Call("chroot", unix.SYS_CHROOT, p.t.Str(dir+"/root"))
		p.chdirAgain(p.chdir()) // to ".", which is where it is
	})
	if want := "outside of container mount namespace root -- possible container breakout detected"; !strings.HasSuffix(got, want) || strings.HasPrefix(got, "!") {
		t.Errorf("%q, want %q", got, want)
	}
}
