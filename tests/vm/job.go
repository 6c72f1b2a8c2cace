package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rung-oci/rung/tests/release"
)

// What decides how the image looks.
//
//go:embed image.sh guest
var recipe embed.FS

// makeImage makes the image in the cache, unless it is there.
func makeImage(ctx context.Context, tests string, o *options) error {
	sum := sha256.New()
	err := fs.WalkDir(recipe, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := recipe.ReadFile(name)
		sum.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	emulator := arches[o.arch].pkg
	fmt.Fprint(sum, o.arch, emulator, o.image, os.Getenv("VM_SUITE"), os.Getenv("VM_KERNEL_SUITE"))
	cmd := exec.CommandContext(ctx, filepath.Join(tests, "vm", "image.sh"), o.dir(), fmt.Sprintf("%x", sum.Sum(nil)), o.arch, emulator, o.image)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the image: %w", err)
	}
	return nil
}

// guestDir is where all that a job needs is in the guest. The tests' directories
// keep their places relative to each other, for testdata.
const guestDir = "/rung"

// A tree is the files of a job, in the way that they are to be in the guest.
type tree struct {
	ctx                     context.Context
	arch, root, tests, repo string
	script                  strings.Builder
}

// makeJob builds rung and the tests, and packs them into dir/job.tar.
func makeJob(ctx context.Context, tests, dir string, o *options) error {
	t := &tree{ctx: ctx, arch: o.arch, root: dir + "/job" + guestDir, tests: tests, repo: filepath.Dir(tests)}
	fmt.Fprintf(&t.script, "export RUNG_PREBUILT=%s/bin RUNG_EMULATED=1\nstatus=0\n", guestDir)
	for _, e := range o.env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&t.script, "export %s=%s\n", name, quote(value))
	}
	if err := t.programs(); err != nil {
		return err
	}
	for _, p := range o.packages {
		if err := t.pack(p, o); err != nil {
			return err
		}
	}
	if o.shell != "" {
		fmt.Fprintf(&t.script, "cd %s\nexport PATH=%s/bin:$PATH\n%s\nstatus=$?\n", guestDir, guestDir, o.shell)
	}
	t.script.WriteString("exit $status\n")
	if err := os.WriteFile(t.root+"/job", []byte(t.script.String()), 0o755); err != nil {
		return err
	}
	return t.command(dir, "tar", "-cf", dir+"/job.tar", "--owner=0", "--group=0", "-C", dir+"/job", ".")
}

// programs builds what the tests' harness would build if the guest had Go.
func (t *tree) programs() error {
	bin := t.root + "/bin/"
	if err := t.build(t.repo, bin+"rung", "-ldflags="+release.LinkFlags(t.arch), "-tags", release.Tags, "."); err != nil {
		return err
	}
	for name, pkg := range map[string]string{"probe": "./probe", "go-attack": "./security/attack"} {
		if err := t.build(t.tests, bin+name, pkg); err != nil {
			return err
		}
	}
	return nil
}

// pack adds a package's tests and test data, and the lines that run them.
func (t *tree) pack(name string, o *options) error {
	run := o.run
	name, tests, some := strings.Cut(name, ":")
	if some {
		run = "^(" + strings.ReplaceAll(tests, ",", "|") + ")$"
	}
	module, rel := t.tests, "tests/"+name
	if _, err := os.Stat(filepath.Join(t.tests, name)); err != nil {
		module, rel = t.repo, name
	}
	out := filepath.Join(t.root, rel)
	if err := t.command(module, "go", "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", out+"/run.test", "./"+name); err != nil {
		return err
	}
	for _, data := range []string{rel + "/testdata", "tests/engines/testdata"} {
		if _, err := os.Stat(filepath.Join(t.repo, data)); err == nil {
			if err := os.CopyFS(filepath.Join(t.root, data), os.DirFS(filepath.Join(t.repo, data))); err != nil && !strings.Contains(err.Error(), "exists") {
				return err
			}
		}
	}
	if o.shell != "" {
		return nil
	}
	flags := " -test.v" // that a test was skipped is said with that only; what is shown is decided here
	if !o.long {
		flags += " -test.short"
	}
	if run != "" {
		flags += " -test.run=" + quote(run)
	}
	fmt.Fprintf(&t.script, "cd %s/%s && echo '"+packageMark+"%s' && ./run.test -test.timeout=%s%s || status=1\n", guestDir, rel, rel, o.timeout, flags)
	return nil
}

// quote makes a text one word of the shell's.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (t *tree) build(dir, out string, args ...string) error {
	return t.command(dir, "go", append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}, args...)...)
}

func (t *tree) command(dir, name string, args ...string) error {
	cmd := exec.CommandContext(t.ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOARCH="+t.arch)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}
