package criu

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// defaultPath is where it is looked for by who has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// ErrAbsent says that there is no CRIU.
var ErrAbsent = errors.New("criu isn't installed")

// Find looks for the program in the absolute directories of a PATH.
func Find(path string) (string, error) {
	if path == "" {
		path = defaultPath
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, "criu")
		if fi, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && fi.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%w: there is no program criu in PATH=%s", ErrAbsent, path)
}

// KnowsBPF tells whether a program is one that was built with BPF: Debian's isn't.
func KnowsBPF(program string) bool {
	text, err := os.ReadFile(program)
	return err == nil && bytes.Contains(text, []byte("libbpf.so"))
}
