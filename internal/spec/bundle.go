// Package spec loads, decodes and checks config.json, and knows what this runtime supports of it.
//
// The one type for a configuration is specs-go's own. Everything is pure but what reads files: [Load], [LoadProcess], [ReadConfig] and
// [ReadFile].
package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// ConfigName is the name of the configuration in a bundle.
const ConfigName = "config.json"

// MaxConfigSize is how big a config.json may be, in bytes.
const MaxConfigSize = 64 << 20

// Bundle is a bundle as it was found on the host.
type Bundle struct {
	Dir    string // as the user named it, made absolute; symlinks are kept
	Rootfs string // the root filesystem's directory, absolute and without symlinks
	Spec   *specs.Spec
	Raw    []byte // the text of config.json; Spec's strings are parts of it, so it must not change

	Warnings []string // what deserves a warning and isn't an error
}

// Load reads and checks the bundle in a directory. It returns all problems of the configuration at
// once, as [Errors], those of the root filesystem included.
func Load(dir string) (*Bundle, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	raw, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	return Parse(dir, raw)
}

// Parse is Load of a text that isn't in a file. dir is where the path of a root filesystem begins.
func Parse(dir string, raw []byte) (*Bundle, error) {
	b, err := &Bundle{Dir: dir, Raw: raw}, error(nil)
	var d decoded
	b.Spec, d = decode(raw)
	if !d.whole {
		return nil, d.errs
	}
	errs := withoutConsequences(d.errs, validate(b.Spec))
	if b.Spec.Root != nil && b.Spec.Root.Path != "" {
		b.Rootfs, err = resolveRootfs(dir, b.Spec.Root.Path)
		if err != nil {
			errs.add(err.Error(), "root", "path")
		}
	}
	if len(errs) == 0 {
		errs = hostNamespaces(b.Spec)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	b.Warnings = append(d.warnings.texts(), Warnings(b.Spec)...)
	return b, nil
}

// WarnAgain says of a configuration that was loaded before, and may have been changed since, what deserves a warning.
func (b *Bundle) WarnAgain() {
	_, d := decode(b.Raw)
	b.Warnings = append(d.warnings.texts(), Warnings(b.Spec)...)
}

// withoutConsequences joins the errors of decoding and of checking. A field that could not be
// decoded is empty, which must not be held against it a second time.
func withoutConsequences(decoded, checked Errors) Errors {
	if len(decoded) == 0 {
		return checked
	}
	all := decoded
	for _, c := range checked {
		consequence := false
		for _, d := range decoded {
			// Namespaces decide what other fields may hold.
			consequence = consequence || inside(c.Path, d.Path) || inside("linux.namespaces", d.Path) ||
				inside(d.Path, "linux.namespaces") || inside(d.Path, c.Path)
		}
		if !consequence {
			all = append(all, c)
		}
	}
	return all
}

// LoadProcess reads the file of a process object, see [DecodeProcess] and [ReadFile].
func LoadProcess(path string) (*specs.Process, []string, error) {
	raw, err := ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	p, warnings, err := DecodeProcess(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, warnings, nil
}

// ReadFile returns the text of a document that the caller names himself. It may be a pipe, whose end is waited for, and mustn't
// be larger than a config.json.
func ReadFile(path string) ([]byte, error) {
	fd := -1
	err := fdio.Again(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return readAll(fd, path, 4096)
}

// readAll reads a document of about size bytes.
func readAll(fd int, path string, size int) ([]byte, error) {
	raw, err := fdio.ReadAll(fd, size, MaxConfigSize+1)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	if len(raw) > MaxConfigSize {
		return nil, tooBig(path)
	}
	return raw, nil
}

func isDirectory(dir string) error {
	var st unix.Stat_t
	if err := fdio.Again(func() error { return unix.Stat(dir, &st) }); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.ENOTDIR
	}
	return nil
}

// ReadConfig returns the text of a bundle's config.json. A FIFO in its place must not block, and
// a huge file must not fill the memory. A bundle that is no directory is told of as by runc, which goes there.
func ReadConfig(dir string) ([]byte, error) {
	path := filepath.Join(dir, ConfigName)
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			if err := isDirectory(dir); err != nil {
				return nil, fmt.Errorf("bundle: chdir %s: %w", dir, err)
			}
			return nil, errors.New("JSON specification file " + ConfigName + " not found")
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, &os.PathError{Op: "fstat", Path: path, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if stat.Size > MaxConfigSize {
		return nil, tooBig(path)
	}
	return readAll(fd, path, int(stat.Size))
}

func tooBig(path string) error {
	return fmt.Errorf("%s: larger than the limit of %d MiB", path, MaxConfigSize>>20)
}

// resolveRootfs returns the absolute path without symlinks of the root filesystem, which must be
// a directory and not the host's root.
func resolveRootfs(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	resolved, err := filepath.EvalSymlinks(path) //nolint:forbidigo // a path of the host's, which we trust
	if err != nil {
		return "", err
	}
	if resolved == "/" {
		return "", errors.New("must not be the root directory of the host")
	}
	var stat unix.Stat_t
	if err := unix.Stat(resolved, &stat); err != nil {
		return "", &os.PathError{Op: "stat", Path: resolved, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("%s: %w", resolved, unix.ENOTDIR)
	}
	return resolved, nil
}
