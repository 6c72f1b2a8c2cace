package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spawn"
)

// defaultPath serves callers without a PATH, of which podman is one.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// hostPS runs the host's ps and returns what it has written. That goes to files
// in memory: nobody has to read while it runs.
func hostPS(options []string) (string, error) {
	path, err := lookPath("ps", os.Getenv("PATH"))
	if err != nil {
		return "", err
	}
	var files [2]*os.File
	for i, name := range [...]string{"stdout", "stderr"} {
		fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
		if err != nil {
			return "", fmt.Errorf("make a file for the output of ps: %w", err)
		}
		files[i] = os.NewFile(uintptr(fd), name)
		defer files[i].Close()
	}
	pid, err := syscall.ForkExec(path, append([]string{"ps"}, options...), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, files[0].Fd(), files[1].Fd()},
	})
	if err != nil {
		return "", fmt.Errorf("run %s: %w", path, err)
	}
	err = spawn.Ended(pid)
	if err != nil {
		why := oneLine(readWhole(files[1]) + readWhole(files[0]))
		return "", fmt.Errorf("ps %s: %w: %s", strings.Join(options, " "), err, why)
	}
	return readWhole(files[0]), nil
}

// lookPath finds a program. Relative entries of PATH mean nothing: the current
// directory is often a bundle.
func lookPath(name, path string) (string, error) {
	if path == "" {
		path = defaultPath
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		info, err := os.Stat(file)
		if filepath.IsAbs(file) && err == nil && info.Mode().IsRegular() && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", errors.New(`exec: "` + name + `": executable file not found in $PATH`)
}

// readWhole reads a file in memory from its beginning.
func readWhole(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	text := make([]byte, info.Size())
	n, _ := f.ReadAt(text, 0)
	return string(text[:n])
}

// oneLine is the first line with a word in it.
func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
