// Package rootfs works inside a root filesystem that its owner may change at any
// moment.
//
// Every name is resolved by openat2(2) with RESOLVE_IN_ROOT below one
// descriptor, as if that directory were "/": symbolic links, "..", and races
// with a process that exchanges directories can't lead out (CVE-2021-30465,
// CVE-2024-45310). What comes back is a descriptor; nothing is looked up twice.
package rootfs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// Root is a root filesystem: an O_PATH descriptor of its top directory, which
// the caller owns, and who opens files in it. Methods that return an error work at once, the
// others queue calls.
type Root struct {
	K  *calls.Kernel
	FD calls.FD
}

// At is a root filesystem that the calling thread has open.
func At(fd int) Root { return Root{K: new(calls.Kernel), FD: calls.Number(fd)} }

// maxLinks is the kernel's own limit of symbolic links in one path.
const maxLinks = 40

// absolute is a path as it is named in an error.
func absolute(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "/" + path
	}
	return path
}

// openat2 resolves path below the root, see hows. The kernel answers EAGAIN, or EXDEV at
// its final check, when something is renamed while it walks up by "..".
func (r Root) openat2(verb, path string, how *unix.OpenHow) *calls.Call {
	return r.K.Openat2(verb, r.FD, relative(path), how).On(absolute(path)).Patiently()
}

// How files are opened: never out of the root, never by the links of a procfs.
var (
	howPath     = inRoot(unix.O_PATH, 0)
	howPathDir  = inRoot(unix.O_PATH|unix.O_DIRECTORY, 0)
	howLink     = inRoot(unix.O_PATH|unix.O_NOFOLLOW, 0)
	howLinkDir  = inRoot(unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	howPlain    = inRoot(unix.O_PATH, unix.RESOLVE_NO_SYMLINKS)
	howReadable = inRoot(unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
)

func inRoot(flags, resolve uint64) *unix.OpenHow {
	return &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve | unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
}

// relative is a path as it is given to the kernel.
func relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}

// Open opens path O_PATH, following links inside the root.
func (r Root) Open(path string) *calls.Call { return r.openat2("open", path, howPath) }

// Lookup opens path O_PATH, following links inside the root.
func (r Root) Lookup(path string) (calls.FD, error) { return r.Open(path).Open() }

// LookupPlain opens path O_PATH if no component of it is a symbolic link.
func (r Root) LookupPlain(path string) (calls.FD, error) {
	return r.openat2("open", path, howPlain).Open()
}

// OrdinaryDir fails with err if path is there and isn't a directory, but a link to one for
// example.
func (r Root) OrdinaryDir(path string, err error) {
	c := r.openat2("open", path, howLinkDir).Else(func(e unix.Errno) error {
		if e == unix.ENOTDIR || e == unix.ELOOP {
			return calls.Whole(err)
		}
		return e
	})
	c.Skipping(unix.ENOENT, func() { r.K.Close(c.FD()) })
}

// ReadRegular reads a regular file, at most limit bytes of what its size says; size is that. It doesn't
// block on what else an image may have put there (a FIFO, a terminal), nor reads what a kernel
// makes up (a link to /proc/kmsg), which says 0.
func (r Root) ReadRegular(path string, limit int) (text []byte, size int64, err error) {
	fd := calls.None
	defer func() { r.K.Close(fd) }()
	buf, empty := calls.NewBuf(min(limit, first)), false
	var st calls.Stat
	var read *calls.Call
	err = r.K.Try(func() {
		fd = r.openat2("open", path, howReadable).FD()
		st, _ = r.K.Stat("look at", fd)
		r.K.RequireKind("open", st, unix.S_IFREG, unix.EINVAL).On(absolute(path)).Else(func(unix.Errno) error { return errors.New("not a regular file") })
		r.K.Refuse("", st.Size(), ^uint32(0), 0, unix.ENODATA).Else(func(unix.Errno) error {
			empty = st.Get().Size == 0 // all of it, not only the low half
			return nil
		})
		read = r.K.Read("read", fd, buf).On(absolute(path)).Unless(&empty)
	})
	if err != nil || empty {
		return nil, 0, err
	}
	size = int64(st.Get().Size)
	limit = int(min(size, int64(limit)))
	text = append(make([]byte, 0, limit), buf.Bytes[:min(read.Result(), limit)]...)
	for n := read.Result(); n > 0 && len(text) < limit; text = append(text, buf.Bytes[:n]...) {
		buf = calls.NewBuf(min(limit-len(text), chunk))
		if n, err = r.K.Read("read", fd, buf).On(absolute(path)).Now(); err != nil {
			return nil, 0, err
		}
	}
	return text, size, nil // which is less where it has been cut meanwhile
}

// How much is read at first, and at once behind that: most files that are asked for are small, and where another process reads all is copied.
const (
	first = 4 << 10
	chunk = 16 << 10
)

// Dir opens the directory path, made with its parents (mode 0755) where
// missing.
func (r Root) Dir(path string) calls.FD {
	return r.ensure("make directory", path, unix.S_IFDIR|0o755, howPathDir, howLinkDir)
}

// DirOrFile opens path, which is made as a directory where it is missing.
func (r Root) DirOrFile(path string) calls.FD {
	return r.ensure("make directory", path, unix.S_IFDIR|0o755, howPath, howLinkDir)
}

// File opens the file path, made empty (mode 0644) with its parents where
// missing. An existing one may have any type but directory; it isn't opened
// for more than a reference, so a FIFO or a device does no harm.
func (r Root) File(path string) calls.FD {
	const verb = "make file"
	fd := r.ensure(verb, path, unix.S_IFREG|0o644, howPath, howLink)
	st, _ := r.K.Stat(verb, fd)
	r.K.Refuse(verb, st.Mode(), unix.S_IFMT, unix.S_IFDIR, unix.ENOTDIR).On(absolute(path)) // engines match on this one
	return fd
}

// ensure opens path, made where it is missing. Mostly all that is missing is its last component,
// which is tried first. made is how that is opened then.
func (r Root) ensure(verb, path string, mode uint32, how, made *unix.OpenHow) calls.FD {
	trimmed := strings.TrimRight(path, "/")
	i := strings.LastIndexByte(trimmed, '/')
	at, name := trimmed[:max(i, 0)], trimmed[i+1:]
	c := r.K.Openat2(verb, r.FD, relative(path), how).On(absolute(path))
	if name == "" || name == "." || name == ".." {
		return c.Else(func(unix.Errno) error { return r.slowly(c, path, mode, how) }).FD()
	}
	c.Or(func() *calls.Call {
		done := new(bool)
		slowly := func(unix.Errno) error {
			*done = true
			return r.slowly(c, path, mode, how)
		}
		add := func(c *calls.Call) *calls.Call { return c.On(absolute(path)).Unless(done).Else(slowly) }
		dir := add(r.K.Openat2(verb, r.FD, relative(at), howPathDir)).FD()
		if mode&unix.S_IFMT == unix.S_IFDIR {
			add(r.K.Mkdirat(verb, dir, name, mode&0o7777))
		} else {
			add(r.K.Mknodat(verb, dir, name, mode, 0))
		}
		r.K.Close(dir)
		return add(r.K.Openat2(verb, r.FD, relative(path), made))
	})
	return c.FD()
}

// slowly has c give what is at path, made as [Root.create] does it. Only what is missing is made: not
// what a link of procfs leads to, for example.
func (r Root) slowly(c *calls.Call, path string, mode uint32, how *unix.OpenHow) error {
	fd, err := r.openat2("", path, how).On("").Open()
	if errors.Is(err, unix.ENOENT) {
		fd, err = r.create(path, mode)
	}
	if err != nil {
		return err
	}
	// Somebody else may have made it meanwhile.
	if st, err := r.K.Look("", fd); err != nil || how == howPathDir && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		r.K.Close(fd)
		return unix.ENOTDIR
	}
	c.Give(fd)
	return nil
}

// A walk goes along a path as the kernel does, below the root.
type walk struct {
	todo         []string
	at           string
	steps, links int
}

// maxSteps bounds the components of a path and of all links on its way.
const maxSteps = 4096

// tooLong tells whether a walk has been given up.
func (w *walk) tooLong() bool { return w.steps > maxSteps || w.links > maxLinks }

func along(path string) *walk { return &walk{todo: strings.Split(path, "/")} }

// next is the next name in the directory at; "" at the end.
func (w *walk) next() string {
	for len(w.todo) > 0 && !w.tooLong() {
		w.steps++
		name := w.todo[0]
		w.todo = w.todo[1:]
		switch name {
		case "", ".":
		case "..":
			w.at = w.at[:max(strings.LastIndexByte(w.at, '/'), 0)]
		default:
			return name
		}
	}
	return ""
}

// follow goes on where a link leads, unless that are too many.
func (w *walk) follow(target string) bool {
	if target[0] == '/' {
		w.at = ""
	}
	w.todo = append(strings.Split(target, "/"), w.todo...)
	w.links++
	return !w.tooLong()
}

// create makes what is missing of path, component by component. A link that
// leads to nowhere is legal: its target is made inside the root.
func (r Root) create(path string, mode uint32) (calls.FD, error) {
	w := along(path)
	for name := w.next(); name != ""; name = w.next() {
		target, err := r.linkAt(w.at + "/" + name)
		switch {
		case errors.Is(err, unix.ENOENT):
			kind := mode
			if !last(w.todo) {
				kind = unix.S_IFDIR | 0o755
			}
			err := r.make(w.at, name, kind)
			if errors.Is(err, unix.EEXIST) { // somebody else has made it meanwhile, or a link in its place: look again
				w.todo = append([]string{name}, w.todo...)
				continue
			}
			if err != nil {
				return calls.None, err
			}
		case err != nil:
			return calls.None, err
		case target != "":
			if !w.follow(target) {
				return calls.None, unix.ELOOP
			}
			continue
		}
		w.at += "/" + name
	}
	if w.tooLong() {
		return calls.None, unix.ELOOP
	}
	return r.openat2("", w.at, howLink).On("").Open()
}

// Magic tells whether there is a link on the way of path, or at its end, that leads not to a path but to
// what a process has open (/proc/self/fd/0): the kernel says ELOOP, for it isn't followed.
func (r Root) Magic(path string) bool {
	w := along(path)
	for name := w.next(); name != ""; name = w.next() {
		target, err := r.linkAt(w.at + "/" + name)
		switch {
		case err != nil:
			return false
		case target == "":
			w.at += "/" + name
		case r.refused(w.at + "/" + name):
			return true
		case !w.follow(target):
			return false
		}
	}
	return false
}

// refused tells whether a link of a procfs isn't followed.
func (r Root) refused(path string) bool {
	fd, err := r.openat2("", path, howLink).On("").Open()
	if err != nil {
		return false
	}
	defer r.K.Close(fd)
	st, c := r.K.Fstatfs("", fd)
	if c.Do() != nil || st.Get().Type != unix.PROC_SUPER_MAGIC {
		return false
	}
	to, err := r.openat2("", path, howPath).On("").Open()
	if err == nil {
		r.K.Close(to)
	}
	return errors.Is(err, unix.ELOOP)
}

func last(todo []string) bool {
	for _, s := range todo {
		if s != "" && s != "." {
			return false
		}
	}
	return true
}

// linkAt is the target of the symbolic link path, or "" if it is something
// else.
func (r Root) linkAt(path string) (string, error) {
	fd, err := r.openat2("", path, howLink).On("").Open()
	if err != nil {
		return "", err
	}
	defer r.K.Close(fd)
	target, err := r.readLink(fd, "")
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) { // not a link
		return "", nil
	}
	return target, err
}

// readLink is the target of a link.
func (r Root) readLink(dir calls.FD, name string) (string, error) {
	buf := calls.NewBuf(unix.PathMax)
	n, err := r.K.Readlinkat("", dir, name, buf).Now()
	if err != nil {
		return "", err
	}
	return string(buf.Bytes[:max(n, 0)]), nil
}

// make makes name in the directory at.
func (r Root) make(at, name string, mode uint32) error {
	dir, err := r.openat2("", at, howPathDir).On("").Open()
	if err != nil {
		return err
	}
	defer r.K.Close(dir)
	if mode&unix.S_IFMT == unix.S_IFDIR {
		return r.K.Mkdirat("", dir, name, mode&0o7777).Do()
	}
	return r.K.Mknodat("", dir, name, mode, 0).Do()
}
