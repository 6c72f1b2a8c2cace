// Dist makes what is shipped: static binaries for all architectures, tarballs and packages with manual pages,
// completions and papers, a list of what is in the binary, and checksums.
//
//	go run . [-root ../..] [-out ../../build/dist] [-arch amd64,arm64]
//
// Whoever makes it from the same commit, in whatever directory and on whatever day, gets the same bytes: times are
// that of the commit, or SOURCE_DATE_EPOCH. It needs Go, make and, for the time, git.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", "../..", "the project's `directory`")
	out := flag.String("out", "../../build/dist", "the `directory` for what is made, emptied before")
	only := flag.String("arch", "", "some `architectures` instead of all, with commas")
	flag.Parse()
	if err := run(*root, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(root, out, only string) error {
	d, err := newDist(root, out)
	if err != nil {
		return err
	}
	defer os.RemoveAll(d.stage)
	targets, err := chosen(only)
	if err != nil {
		return err
	}
	if err := d.source(); err != nil {
		return err
	}
	for _, t := range targets {
		fmt.Fprintln(os.Stderr, "dist:", t.name)
		if err := d.target(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return d.sums()
}

// A dist is one making of everything.
type dist struct {
	root, out, stage string
	version          string
	time             time.Time // of every file
	native           string    // a binary that runs here
}

func newDist(root, out string) (*dist, error) {
	d := new(dist)
	var err error
	if d.root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	if d.out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	version, err := os.ReadFile(filepath.Join(d.root, "VERSION"))
	if err != nil {
		return nil, err
	}
	d.version = strings.TrimSpace(string(version))
	if d.time, err = d.epoch(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(d.out); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.out, 0o755); err != nil {
		return nil, err
	}
	if d.stage, err = os.MkdirTemp("", "rung-dist-"); err != nil {
		return nil, err
	}
	d.native = filepath.Join(d.stage, "rung")
	return d, d.build(nil, d.native)
}

// epoch is the time of all files: https://reproducible-builds.org/specs/source-date-epoch/.
func (d *dist) epoch() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := d.git("log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, errors.New("no commit to take the time from: set SOURCE_DATE_EPOCH")
		}
		text = strings.TrimSpace(out)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func (d *dist) git(args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", d.root, "-c", "safe.directory=*"}, args...)...).Output()
	return string(out), err
}

// build makes a binary, as the Makefile does.
func (d *dist) build(env []string, to string) error {
	cmd := exec.Command("make", "-s", "build", "OUT="+to)
	cmd.Dir = d.root
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-buildvcs=false"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, text)
	}
	return nil
}

// source is the tree of the commit.
func (d *dist) source() error {
	if _, err := d.git("rev-parse", "HEAD"); err != nil {
		return nil //nolint:nilerr // made from a tarball, which is the source
	}
	prefix := "rung-" + d.version
	tar, err := d.git("archive", "--format=tar", "--prefix="+prefix+"/", "HEAD")
	if err != nil {
		return fmt.Errorf("git archive: %w", err)
	}
	return d.writeGzip(prefix+".tar.gz", []byte(tar))
}
