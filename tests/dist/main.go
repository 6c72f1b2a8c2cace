// Dist makes what is shipped: static binaries for all architectures, tarballs and packages with manual pages,
// completions and papers, a list of what is in the binary, and checksums.
//
//	go run . [-root ../..] [-out ../../build/dist] [-arch amd64,arm64]
//
// Whoever makes it from the same commit, in whatever directory, environment and on whatever day, gets the same bytes:
// times are that of the commit, or SOURCE_DATE_EPOCH. It needs Go, make and, in a clone, git.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	root := flag.String("root", "../..", "the project's `directory`")
	out := flag.String("out", "../../build/dist", "the `directory` for what is made: a new one, an empty one, or one that was made by this")
	only := flag.String("arch", "", "some `architectures` instead of all, with commas")
	flag.Parse()
	if err := run(*root, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(root, out, only string) error {
	targets, err := chosen(only)
	if err != nil {
		return err
	}
	d, err := newDist(root, out)
	if err != nil {
		return err
	}
	stage, err := os.MkdirTemp("", "rung-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if err := d.begin(stage); err != nil {
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
	origin
	git    bool      // the root is rung's own clone
	tree   string    // what is built: the commit's files, or the root
	number string    // of VERSION
	time   time.Time // of every file
	env    []string  // of go and make
	native string    // a binary that runs here
}

// newDist finds out what would be made, and changes nothing.
func newDist(root, out string) (*dist, error) {
	d := new(dist)
	var err error
	if d.root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	if d.out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	number, err := os.ReadFile(filepath.Join(d.root, "VERSION"))
	if err != nil {
		return nil, err
	}
	d.number = strings.TrimSpace(string(number))
	if d.env, err = buildEnvironment(d.root); err != nil {
		return nil, err
	}
	if err := d.findOrigin(); err != nil {
		return nil, err
	}
	d.time, err = epoch(os.Getenv("SOURCE_DATE_EPOCH"), d.origin.Time)
	return d, err
}

// begin empties the directory of what is made, lays out what is built, and builds the binary that runs here.
func (d *dist) begin(stage string) error {
	if err := empty(d.out); err != nil {
		return err
	}
	d.stage, d.tree, d.native = stage, d.root, filepath.Join(stage, "rung")
	if d.git {
		if err := d.source(); err != nil {
			return err
		}
	}
	if err := d.build(nil, d.native); err != nil {
		return err
	}
	says, err := exec.Command(d.native, "--version").Output()
	if err == nil && !(strings.Contains(string(says), d.number) && strings.Contains(string(says), d.Commit)) {
		err = fmt.Errorf("rung --version: %q hasn't version %s and commit %s", says, d.number, d.Commit)
	}
	return err
}

// build makes a binary, as the Makefile does.
func (d *dist) build(env []string, to string) error {
	cmd := exec.Command("make", "-s", "build", "OUT="+strings.ReplaceAll(to, "$", "$$"), "COMMIT="+d.Commit)
	cmd.Dir, cmd.Env = d.tree, slices.Concat(d.env, env)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, text)
	}
	return nil
}
