package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// limitName is what the results call the reference in C, see limit/limit.c. It runs
// the default bundle and can nothing else.
const limitName = "limit"

// limitOperation is what it is measured beside.
const limitOperation = "run"

// errNoLimit says that there is nothing to build the reference with.
var errNoLimit = errors.New("the reference in C needs gcc, amd64 and the kernel's headers: left out")

// buildLimit compiles the reference: its program for the memfd first, which is a part
// of the other one.
func buildLimit(out string) error {
	source, err := filepath.Abs("bench/" + limitName)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("gcc"); err != nil || runtime.GOARCH != "amd64" {
		return errNoLimit
	}
	flags := []string{
		"-O2", "-static", "-nostdlib", "-nostartfiles", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
		"-Wall", "-Werror", "-Wl,--build-id=none", "-Wl,-z,norelro", "-s",
	}
	player := out + "-player"
	for _, args := range [][]string{
		{"-Wl,-z,noseparate-code", "-o", player, "first.c", "kernel.c"},
		{"-DPLAYER=\"" + player + "\"", "-o", out, "limit.c", "build.c", "kernel.c"},
	} {
		cmd := exec.Command("gcc", append(append([]string(nil), flags...), args...)...)
		cmd.Dir = source
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build the reference in C: %w\n%s", err, text)
		}
	}
	return os.Chmod(out, 0o755)
}

// reference is the limit as one more runtime.
func (b *bench) reference() oci { return oci{limitName, b.limit, b.dir + "/state-" + limitName} }

// contestants are all that do an operation.
func (b *bench) contestants(operation string) []oci {
	list := b.runtimes()
	if operation == limitOperation && b.limit != "" {
		list = append(list, b.reference())
	}
	if operation == rootless {
		for i, rt := range list {
			list[i] = b.asOrdinary(rt)
		}
	}
	return list
}

// limitArgv is the reference's command line, for a bundle of its own.
func (b *bench) limitArgv(id string) []string {
	rt := b.reference()
	return []string{rt.path, b.bundleDir(rt, "true"), rt.root, id, b.prefix + limitName + "-true"}
}

// printLimit shows how far the runtimes are from it.
func (r *results) printLimit(w io.Writer) {
	first := true
	for _, t := range r.Times {
		limit, ok := t.Median[limitName]
		if !ok {
			continue
		}
		if first {
			fmt.Fprint(w, "\n## The limit\n\nThe kernel calls of rung's own run, made by a program in C; medians in milliseconds of the same rounds.\n\n")
			fmt.Fprint(w, "| run | limit | rung | crun | rung/limit | crun/limit |\n|---|---:|---:|---:|---:|---:|\n")
			first = false
		}
		mode := "back to back"
		if t.Quiet > 0 {
			mode = "on a quiet host"
		}
		fmt.Fprintf(w, "| %s | %.2f (%.2f) | %.2f | %.2f | %.2f (%.2f–%.2f) | %.2f |\n", mode, limit, t.Min[limitName],
			t.Median["rung"], t.Median["crun"], t.Ratio[limitName], t.Low[limitName], t.High[limitName], t.Median["crun"]/limit)
	}
}

// judgeLimit is about the one operation that has a limit.
func (r *results) judgeLimit(t timing, name string) {
	if got, ok := t.Ratio[limitName]; ok {
		r.atMost(name, got, 1.7, "× the limit in C")
	}
}
