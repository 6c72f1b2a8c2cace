// Conformance runs the programs of the OCI's runtime-tools, which test a runtime
// by its command line, and says what they think of rung and, beside it, of others.
//
//	go run . [-suite DIR] [-run REGEXP] [-write FILE] RUNTIME...
//
// The first runtime is judged: what fails must be in the list of exceptions, and
// what is in the list must fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const module = "github.com/opencontainers/runtime-tools"

func main() {
	suite := flag.String("suite", "", "`directory` of a checkout of the suite; else the version in go.mod")
	only := flag.String("run", "", "`regexp` of programs to run")
	write := flag.String("write", "", "`file` to write the table to")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "conformance: which runtime?")
		os.Exit(2)
	}
	ok, err := run(*suite, *only, *write, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(suite, only, write string, runtimes []string) (ok bool, err error) {
	dir, err := os.MkdirTemp("", "rung-conformance-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	pattern, err := regexp.Compile(only)
	if err != nil {
		return false, err
	}
	programs, err := build(suite, dir)
	if err != nil {
		return false, err
	}
	results := make([]map[string]*result, len(runtimes))
	for i, r := range runtimes {
		if r, err = exec.LookPath(r); err == nil {
			runtimes[i], err = filepath.Abs(r)
		}
		if err != nil {
			return false, err
		}
		results[i] = map[string]*result{}
		for _, p := range programs {
			if pattern.MatchString(p) {
				results[i][p] = try(dir, p, runtimes[i])
				fmt.Printf("%-8s %s\n", filepath.Base(runtimes[i]), results[i][p])
			}
		}
	}
	ok = judge(results[0])
	if write != "" {
		err = os.WriteFile(write, document(runtimes, programs, results), 0o644)
	}
	return ok, err
}

// build builds the suite's programs into dir, with what they expect beside them.
func build(suite, dir string) (programs []string, err error) {
	source := suite
	if suite == "" {
		// What isn't in the cache yet has no directory.
		if err := exec.Command("go", "mod", "download", module).Run(); err != nil {
			return nil, fmt.Errorf("download %s: %w", module, err)
		}
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", module, err)
		}
		source = strings.TrimSpace(string(out))
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", module+"/cmd/runtimetest", module+"/validation/...")
	cmd.Dir, cmd.Env = suite, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the suite: %w: %s", err, out)
	}
	rootfs := "rootfs-" + runtime.GOARCH + ".tar.gz"
	data, err := os.ReadFile(filepath.Join(source, rootfs))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "runtimetest" {
			programs = append(programs, e.Name())
		}
	}
	return programs, errors.Join(err, os.WriteFile(filepath.Join(dir, rootfs), data, 0o644))
}

// A result is what one program says of one runtime.
type result struct {
	program string
	passed  int
	skipped int
	failed  []string
}

func (r *result) String() string {
	if r.passed+r.skipped+len(r.failed) == 0 {
		return fmt.Sprintf("%-32s says nothing", r.program)
	}
	s := fmt.Sprintf("%-32s %3d passed", r.program, r.passed)
	if r.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", r.skipped)
	}
	return strings.Join(append([]string{s}, r.failed...), "\n           not ok: ")
}

// patience is how long a program may take.
const patience = 60 * time.Second

// try runs a program in a mount namespace of its own, because some have a runtime
// mount where it is, and takes away what it leaves behind.
func try(dir, program, runtime string) *result {
	place, err := newPlace(dir, runtime)
	if err != nil {
		return &result{program: program, failed: []string{err.Error()}}
	}
	defer place.clean()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "./"+program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNTIME="+place.runtime, "TMPDIR="+place.tmp)
	stdout, err := os.Create(filepath.Join(dir, program+".out"))
	if err != nil {
		return &result{program: program, failed: []string{err.Error()}}
	}
	defer stdout.Close()
	cmd.Stdout, cmd.Stderr = stdout, stdout // a file: containers may hold it longer than we wait
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	text, _ := os.ReadFile(stdout.Name())
	r := &result{program: program}
	all := points(string(text))
	for _, p := range all {
		switch {
		case p.skip:
			r.skipped++
		case p.ok:
			r.passed++
		default:
			r.failed = append(r.failed, p.text)
		}
	}
	switch {
	case ctx.Err() != nil:
		r.failed = append(r.failed, "no end after "+patience.String())
	case err != nil:
		r.failed = append(r.failed, strings.TrimSpace(fmt.Sprintf("ends with %v: %s", err, last(string(text)))))
	}
	return r
}

func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// judge compares what has failed with the exceptions.
func judge(results map[string]*result) (ok bool) {
	ok = true
	passed, excepted := 0, 0
	for _, r := range results {
		passed += r.passed
		for _, f := range r.failed {
			if slices.ContainsFunc(exceptions, func(e exception) bool { return e.covers(r.program, f) }) {
				excepted++
				continue
			}
			fmt.Printf("FAIL %s: %s\n", r.program, f)
			ok = false
		}
	}
	for _, e := range exceptions {
		r := results[e.program]
		if r != nil && !slices.ContainsFunc(r.failed, func(f string) bool { return strings.HasPrefix(f, e.text) }) {
			fmt.Printf("FAIL %s: %q is an exception, but did not fail\n", e.program, e.text)
			ok = false
		}
	}
	fmt.Printf("%d passed, %d excepted\n", passed, excepted)
	return ok
}
