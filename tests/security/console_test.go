package security

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func terminal(s *specs.Spec) { s.Process.Terminal = true }

func devpts() specs.Mount {
	return specs.Mount{Type: "devpts", Source: "devpts", Destination: "/dev/pts", Options: []string{"newinstance", "ptmxmode=0666", "mode=0620"}}
}

// consoleRun runs the bundle with a console socket and returns what came out of
// the terminal, "" if the container wasn't made.
func consoleRun(t *testing.T, b *harness.Bundle) (*harness.Result, string) {
	t.Helper()
	recv := harness.Receive(t)
	r := b.Container(t, "create", "--console-socket", recv.Path)
	if r.Code != 0 {
		if r.Stderr == "" {
			t.Errorf("no error: %v", r)
		}
		return r, ""
	}
	pty := recv.Console(t)
	b.Must(t, "start")
	out := pty.All(t)
	b.WaitStatus(t, specs.StateStopped)
	b.Must(t, "delete")
	harness.Reap()
	return r, out
}

// CVE-2025-52565, CVE-2026-88264: /dev/console and /dev/pts of an image.
func TestConsoleImage(t *testing.T) {
	harness.Once(t)
	d := newDecoy(t)
	script := harness.Shell(`stat -c %t:%T /dev/console; readlink /proc/self/fd/0; tty`)
	for _, c := range []struct {
		name  string
		mount bool // a devpts
		ro    bool
		image func(b *harness.Bundle)
		works string // "yes", "no"; "NO": other runtimes may, each in its way
	}{
		{"plain", true, false, func(*harness.Bundle) {}, "yes"},
		{"console to new", true, false, func(b *harness.Bundle) { symlink(t, b, d.dir+"/new", "dev/console") }, "NO"},
		{"console to file", true, false, func(b *harness.Bundle) { symlink(t, b, d.dir+"/console", "dev/console") }, "NO"},
		{"console up", true, false, func(b *harness.Bundle) { symlink(t, b, up(t, b, "dev/console", d.dir+"/console"), "dev/console") }, "NO"},
		{"console to new, read-only", true, true, func(b *harness.Bundle) { symlink(t, b, d.dir+"/new", "dev/console") }, "NO"},
		{"console to core_pattern", true, false, func(b *harness.Bundle) { symlink(t, b, "/proc/sys/kernel/core_pattern", "dev/console") }, "NO"},
		{"console directory", true, false, func(b *harness.Bundle) { place(t, b, "dev/console", "dir") }, "NO"},
		{"console FIFO", true, false, func(b *harness.Bundle) { place(t, b, "dev/console", "fifo") }, "yes"},
		{"console socket", true, false, func(b *harness.Bundle) { place(t, b, "dev/console", "socket") }, "yes"},
		{"no devpts", false, false, func(*harness.Bundle) {}, "no"},
		{"false ptmx", false, false, func(b *harness.Bundle) {
			symlink(t, b, "/dev/null", "dev/pts/ptmx")
			for n := range 20 {
				symlink(t, b, "/proc/sys/kernel/core_pattern", fmt.Sprintf("dev/pts/%d", n))
			}
		}, "no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := harness.New(t, script, terminal, harness.DropMount("/dev"), func(s *specs.Spec) {
				s.Root.Readonly = c.ro
				if c.mount {
					s.Mounts = append(s.Mounts, devpts())
				}
			})
			c.image(b)
			r, out := consoleRun(t, b)
			refused := r.Code == 1 && out == "" && strings.Contains(r.Stderr, "console") && strings.Contains(r.Stderr, "/dev/")
			if c.works == "yes" && out == "" || c.works == "no" && r.Code == 0 || c.works != "yes" && harness.IsRung() && !refused {
				t.Errorf("want that it works: %s; %v: %q", c.works, r, out)
			}
			if out != "" {
				checkConsole(t, out)
			}
			d.check(t)
		})
	}
	// /dev/pts is a directory of the host's with a ptmx that leads elsewhere.
	b := harness.New(t, script, terminal, harness.DropMount("/dev"))
	pts := filepath.Join(b.Dir, "pts")
	os.Mkdir(pts, 0o755)
	os.Symlink("/dev/ptmx", pts+"/ptmx")
	harness.AddMount(tmpfs("/dev"), bind(pts, "/dev/pts"))(b.Spec)
	b.Save(t)
	if r, _ := consoleRun(t, b); !strings.Contains(r.Stderr, "devpts") {
		t.Errorf("a bind at /dev/pts: %v, want an error about devpts", r)
	}
	d.check(t)
}

func checkConsole(t *testing.T, out string) {
	t.Helper()
	lines := strings.Fields(out)
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "88:") || lines[1] != lines[2] || !strings.HasPrefix(lines[2], "/dev/pts/") {
		t.Errorf("console, stdin, tty = %q, want 88:N and /dev/pts/N twice", lines)
		return
	}
	if lines[0][3:] != lines[2][len("/dev/pts/"):] {
		t.Errorf("/dev/console is %s, stdin %s", lines[0], lines[2])
	}
}

// A race for /dev/console and /dev/pts.
func TestConsoleRace(t *testing.T) {
	harness.Once(t)
	d := newDecoy(t)
	for _, name := range []string{"console", "pts"} {
		b := harness.New(t, harness.Args("/bin/true"), terminal, harness.DropMount("/dev"), harness.AddMount(devpts()),
			func(s *specs.Spec) { s.Root.Readonly = false })
		place(t, b, "dev/"+name, map[string]string{"console": "file", "pts": "dir"}[name])
		target := map[string]string{"console": "/console", "pts": ""}[name]
		symlink(t, b, up(t, b, "dev/x", d.dir+target), "dev/other")
		stop := swap(t, filepath.Join(b.Rootfs, "dev"), name, "other")
		runs, ok := rounds(200, 40), 0
		for range runs {
			start := time.Now()
			if r, _ := consoleRun(t, b); r.Code == 0 {
				ok++
			} else if r.Code != 1 || !strings.Contains(r.Stderr, "/dev/") || strings.Contains(r.Stderr, "temporarily unavailable") {
				t.Errorf("want success, or what of /dev was in the way: %v", r)
			}
			if time.Since(start) > 10*time.Second {
				t.Fatalf("took %v", time.Since(start))
			}
		}
		swaps := stop()
		t.Logf("/dev/%s: %d runs during %d swaps, %d worked", name, runs, swaps, ok)
		if swaps < runs || ok < runs/10 {
			t.Errorf("/dev/%s: %d swaps, %d runs of %d worked: too few to prove anything", name, swaps, ok, runs)
		}
		d.check(t)
	}
}
