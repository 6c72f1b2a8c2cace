package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// made are the names of what dist makes, and of what the workflow of releases adds.
var made = regexp.MustCompile(`^(SHA256SUMS(\.sigstore\.json)?|rung-.*\.(tar\.gz|cdx\.json|rpm)|rung_.*\.(deb|apk))$`)

// empty makes a directory, or takes out what dist has made there before. A directory with anything else in it is
// somebody's: it is left alone.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		entries, err = nil, os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	ours := len(entries) == 0
	for _, e := range entries {
		if e.IsDir() || !made.MatchString(e.Name()) {
			return fmt.Errorf("%s: not emptied: it has %s, which isn't of make dist: give a new or an empty directory", dir, e.Name())
		}
		ours = ours || e.Name() == sumsName
	}
	if !ours {
		return fmt.Errorf("%s: not emptied: it has no %s, so it isn't of make dist: give a new or an empty directory", dir, sumsName)
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	// By this it is known as ours even if all that follows comes to nothing.
	return os.WriteFile(filepath.Join(dir, sumsName), nil, 0o644) //nolint:gosec // everybody may read it
}
