package user

import "bytes"

// MaxFile is how much of a file is read. What comes after it is as good as not
// there, and so is the line that it would cut.
const MaxFile = 1 << 20

// A Reader reads regular files of a container, without ever leaving its root
// or blocking on what isn't one; rootfs.Root is one.
type Reader interface {
	// ReadRegular reads at most limit bytes of a file, and says how large it is.
	ReadRegular(path string, limit int) (text []byte, size int64, err error)
}

// ReadFile reads a text file of a container, line for line the first [MaxFile]
// bytes.
func ReadFile(root Reader, path string) ([]byte, error) {
	text, size, err := root.ReadRegular(path, MaxFile)
	if err == nil && size > MaxFile {
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return text, err
}

// Files are the files that names are looked up in. A file that isn't there is
// an error that wraps unix.ENOENT.
type Files interface {
	Passwd() ([]byte, error)
	Group() ([]byte, error)
}

// In gives the files of a root filesystem.
type In struct{ Root Reader }

// Passwd reads /etc/passwd.
func (f In) Passwd() ([]byte, error) { return ReadFile(f.Root, "/etc/passwd") }

// Group reads /etc/group.
func (f In) Group() ([]byte, error) { return ReadFile(f.Root, "/etc/group") }
