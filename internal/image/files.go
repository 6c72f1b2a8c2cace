package image

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/digest"
	"github.com/rung-oci/rung/internal/rootfs"
)

// split takes the name off a path: what is behind the last colon, unless a file is called so.
func split(from string) (path, name string) {
	if i := strings.LastIndexByte(from, ':'); i > 0 && !strings.Contains(from[i:], "/") && unix.Access(from, unix.F_OK) != nil {
		return from[:i], from[i+1:]
	}
	return from, ""
}

// open opens a directory or an archive, and nothing that blocks.
func open(path string) (layout, error) {
	f, err := os.OpenFile(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	switch {
	case err != nil:
	case fi.IsDir():
		return directory{f}, nil
	case fi.Mode().IsRegular():
		var a archive
		if a, err = newArchive(f, fi.Size()); err == nil {
			return a, nil
		}
	default:
		err = errors.New("neither a directory nor a file")
	}
	f.Close()
	return nil, fmt.Errorf("image layout %s: %w", path, err)
}

// tooLarge is the error of a document that nobody will read.
func tooLarge(name string) error {
	return fmt.Errorf("%s: larger than the limit of %d MiB", name, maxDocument>>20)
}

// A directory is a layout in one. Links in it lead nowhere outside.
type directory struct{ *os.File }

func (d directory) read(name string) ([]byte, error) {
	text, size, err := rootfs.At(int(d.Fd())).ReadRegular(name, maxDocument)
	if err == nil && size > maxDocument {
		err = tooLarge(name)
	}
	return text, err
}

// An archive is a layout in a tar file. It is gone through from its beginning for each document: there are few.
type archive struct {
	*os.File
	size int64
}

// compressed are the first bytes of files that aren't tar, and what they are.
var compressed = []struct{ magic, with string }{
	{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"BZh", "bzip2"}, {"\xfd7zXZ\x00", "xz"},
}

func newArchive(f *os.File, size int64) (archive, error) {
	head := make([]byte, 6)
	n, _ := f.ReadAt(head, 0)
	for _, c := range compressed {
		if bytes.HasPrefix(head[:n], []byte(c.magic)) {
			return archive{}, errors.New("it is compressed: unpack it with " + c.with + " -d first")
		}
	}
	return archive{f, size}, nil
}

func (a archive) read(name string) ([]byte, error) {
	return extract(io.NewSectionReader(a.File, 0, a.size), name)
}

// extract reads a file of an archive: the last of this name, which is what unpacking would leave.
// Names count as they stand, and links are none.
func extract(from io.Reader, name string) (text []byte, err error) {
	err = fmt.Errorf("%s: %w", name, unix.ENOENT)
	for r := tar.NewReader(from); ; {
		h, nerr := r.Next()
		switch {
		case nerr == io.EOF:
			return text, err
		case errors.Is(nerr, tar.ErrInsecurePath):
			continue
		case nerr != nil:
			return nil, fmt.Errorf("read archive: %w", nerr)
		case strings.TrimPrefix(h.Name, "./") != name:
			continue
		case h.Typeflag != tar.TypeReg:
			text, err = nil, fmt.Errorf("%s: not a regular file", name)
		case h.Size > maxDocument:
			text, err = nil, tooLarge(name)
		default:
			if text, err = io.ReadAll(r); err != nil {
				return nil, fmt.Errorf("read archive: %s: %w", name, err)
			}
		}
	}
}

// blob reads what a descriptor refers to.
func blob(l layout, d descriptor) ([]byte, error) {
	algorithm, sum, err := parseDigest(d.digest)
	if err != nil {
		return nil, err
	}
	if d.size > maxDocument {
		return nil, tooLarge(d.digest)
	}
	text, err := l.read("blobs/" + algorithm + "/" + hex.EncodeToString(sum))
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("%s: the layout doesn't have it", d.digest)
	case err != nil:
		return nil, err
	case int64(len(text)) != d.size:
		return nil, fmt.Errorf("%s: it has %d bytes, and is said to have %d", d.digest, len(text), d.size)
	}
	if !bytes.Equal(sumOf(algorithm, text), sum) {
		return nil, fmt.Errorf("%s: its content has another digest", d.digest)
	}
	return text, nil
}

// parseDigest takes digests that can be checked. They become part of a path.
func parseDigest(text string) (algorithm string, sum []byte, err error) {
	algorithm, digits, _ := strings.Cut(text, ":")
	size := 0
	switch algorithm {
	case "sha256":
		size = digest.Size256
	case "sha512":
		size = digest.Size512
	default:
		return "", nil, fmt.Errorf("digest %.160q: neither sha256 nor sha512", text)
	}
	sum, err = hex.DecodeString(digits)
	if err != nil || len(sum) != size || strings.ToLower(digits) != digits {
		return "", nil, fmt.Errorf("digest %.160q: not %d lower-case hexadecimal digits", text, 2*size)
	}
	return algorithm, sum, nil
}

func sumOf(algorithm string, text []byte) []byte {
	if algorithm == "sha512" {
		return digest.SHA512(text)
	}
	return digest.SHA256(text)
}
