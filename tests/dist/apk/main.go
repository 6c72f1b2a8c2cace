// Apk installs an Alpine package into a root, and removes it, where there is no apk to do that: neither Debian nor the
// registries of languages have apk-tools. The installing is that of go-apk, by which apko makes images: it reads the
// package, checks its hashes, writes files and apk's database. Removing is not in it and is done here, by what that
// database says is the package's.
//
//	go run . ROOT add FILE
//	go run . ROOT audit NAME   # the files are as the database says
//	go run . ROOT del NAME
package main

import (
	"context"
	"crypto/sha1" //nolint:gosec // apk's database has these
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/chainguard-dev/go-apk/pkg/apk"
	"github.com/chainguard-dev/go-apk/pkg/fs"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apk:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: apk ROOT add|audit|del FILE|NAME")
	}
	root, what := args[0], args[2]
	switch args[1] {
	case "add":
		return add(root, what)
	case "audit":
		return audit(root, what)
	case "del":
		return del(root, what)
	}
	return fmt.Errorf("unknown command %q", args[1])
}

// A local package is a file.
type local string

func (l local) URL() string            { return string(l) }
func (l local) PackageName() string    { return filepath.Base(string(l)) }
func (l local) ChecksumString() string { return "" }

const database = "lib/apk/db/installed"

// add makes apk's database in a root that has none, and installs a package.
func add(root, name string) error {
	ctx := context.Background()
	a, err := apk.New(apk.WithFS(fs.DirFS(root)), apk.WithIgnoreMknodErrors(true))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(root, database)); err != nil {
		if err := a.InitDB(ctx); err != nil {
			return err
		}
	}
	return a.InstallPackages(ctx, nil, []apk.InstallablePackage{local(name)})
}

// An entry is what the database says of a file or directory.
type entry struct {
	path string
	dir  bool
	mode string
	hash string
}

// installed are the lines of a package in the database, and what they say. That of go-apk leaves out modes and hashes.
func installed(root, name string) (lines string, entries []entry, err error) {
	text, err := os.ReadFile(filepath.Join(root, database))
	if err != nil {
		return "", nil, err
	}
	for part := range strings.SplitAfterSeq(string(text), "\n\n") {
		if strings.HasPrefix(part, "P:"+name+"\n") {
			lines = part
		}
	}
	if lines == "" {
		return "", nil, fmt.Errorf("%s isn't installed", name)
	}
	dir := ""
	for line := range strings.Lines(lines) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		last := max(len(entries)-1, 0)
		switch key {
		case "F":
			dir = value
			entries = append(entries, entry{path: dir, dir: true, mode: "0:0:0755"})
		case "R":
			entries = append(entries, entry{path: filepath.Join(dir, value), mode: "0:0:0644"})
		case "M", "a":
			entries[last].mode = value
		case "Z":
			entries[last].hash = value
		}
	}
	return lines, entries, nil
}

// audit holds the files of a package against their modes, owners and hashes.
func audit(root, name string) error {
	_, entries, err := installed(root, name)
	if err != nil {
		return err
	}
	files := 0
	for _, e := range entries {
		path := filepath.Join(root, e.path)
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return &os.PathError{Op: "lstat", Path: path, Err: err}
		}
		mode := fmt.Sprintf("%d:%d:%04o", st.Uid, st.Gid, st.Mode&0o7777)
		if st.Mode&syscall.S_IFMT == syscall.S_IFLNK { // whose mode says nothing
			mode = e.mode
		}
		if isDir := st.Mode&syscall.S_IFMT == syscall.S_IFDIR; isDir != e.dir || mode != e.mode {
			return fmt.Errorf("%s: directory %t, mode %s, want %t, %s", e.path, isDir, mode, e.dir, e.mode)
		}
		if e.dir {
			continue
		}
		if st.Mode&syscall.S_IFMT == syscall.S_IFLNK { // nfpm has no hash of where it leads
			if _, err := os.Stat(filepath.Join(root, linkTarget(path))); err != nil {
				return fmt.Errorf("%s: %w", e.path, err)
			}
			files++
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha1.Sum(text) //nolint:gosec // as above
		if hash := "Q1" + base64.StdEncoding.EncodeToString(sum[:]); hash != e.hash {
			return fmt.Errorf("%s: hash %s, want %s", e.path, hash, e.hash)
		}
		files++
	}
	fmt.Printf("%s: %d files as they should be\n", name, files)
	return nil
}

// linkTarget is where an absolute symbolic link leads, in its root.
func linkTarget(path string) string {
	to, _ := os.Readlink(path)
	return to
}

// del removes a package's files, those of its directories in which nothing is left, and its part of the database.
func del(root, name string) error {
	lines, entries, err := installed(root, name)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(entries) { // a directory's files and directories come behind it
		err := os.Remove(filepath.Join(root, e.path))
		if err != nil && !(e.dir && errors.Is(err, syscall.ENOTEMPTY)) {
			return err
		}
	}
	db := filepath.Join(root, database)
	text, err := os.ReadFile(db)
	if err != nil {
		return err
	}
	return os.WriteFile(db, []byte(strings.Replace(string(text), lines, "", 1)), 0o644) //nolint:gosec // everybody may read it
}
