package calls

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Close closes a descriptor, whatever has gone wrong before. It may be none. Another process, which
// makes no calls behind an error, closes it when [Kernel.Try] has returned that.
func (k *Kernel) Close(fd FD) {
	if fd.None() {
		return
	}
	if k.far == nil {
		k.run()
		if n := fd.Int(); n >= 0 {
			unix.Close(n)
		}
		return
	}
	c := k.Call("close", unix.SYS_CLOSE, fd.Arg()).Tolerate(unix.EBADF)
	if k.err != nil {
		k.drop([]*Call{c})
	}
}

// Openat opens path below dir. O_CLOEXEC is added.
func (k *Kernel) Openat(label string, dir FD, path string, flags int, mode uint32) *Call {
	return k.Call(label, unix.SYS_OPENAT, dir.Arg(), Text(path), Int(flags|unix.O_CLOEXEC|unix.O_LARGEFILE), Int(int(mode)))
}

// Openat2 opens path below dir. how has to have O_CLOEXEC, and isn't changed any more.
func (k *Kernel) Openat2(label string, dir FD, path string, how *unix.OpenHow) *Call {
	return k.Call(label, unix.SYS_OPENAT2, dir.Arg(), Text(path), In(bytesOf(how)), Int(unix.SizeofOpenHow))
}

// A Stat is what statx(2) says of an open file.
type Stat struct{ *Buf }

type statBuf struct {
	Buf
	st unix.Statx_t
}

// Get is the struct, once the call has been made.
func (s Stat) Get() *unix.Statx_t { return (*unix.Statx_t)(unsafe.Pointer(unsafe.SliceData(s.Bytes))) }

// IsDir tells whether it is a directory.
func (s Stat) IsDir() bool { return s.Get().Mode&unix.S_IFMT == unix.S_IFDIR }

// Mode passes the mode, of which chmod(2) takes the permissions.
func (s Stat) Mode() Arg { return s.Uint16(unsafe.Offsetof(unix.Statx_t{}.Mode)) }

// UID passes the owner.
func (s Stat) UID() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Uid)) }

// GID passes the group.
func (s Stat) GID() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Gid)) }

// Rdev passes the number of a device.
func (s Stat) Rdev() (major, minor Arg) {
	return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Rdev_major)), s.Int32(unsafe.Offsetof(unix.Statx_t{}.Rdev_minor))
}

// Size passes the low half of the size in bytes.
func (s Stat) Size() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Size) + low) }

// InoLow and InoHigh pass the halves of the number of the file.
func (s Stat) InoLow() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Ino) + low) }

// InoHigh passes the other half.
func (s Stat) InoHigh() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Ino) + 4 - low) }

// DevMajor passes a half of the number of the file system's device.
func (s Stat) DevMajor() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Dev_major)) }

// DevMinor passes the other half.
func (s Stat) DevMinor() Arg { return s.Int32(unsafe.Offsetof(unix.Statx_t{}.Dev_minor)) }

// low is where the low half of eight bytes is.
var low = uintptr(binary.NativeEndian.Uint16([]byte{0, 1}) & 1 * 4)

// Stat looks at an open file.
func (k *Kernel) Stat(label string, fd FD) (Stat, *Call) {
	const mask = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID
	b := new(statBuf)
	b.Bytes = bytesOf(&b.st)
	s := Stat{&b.Buf}
	return s, k.Call(label, unix.SYS_STATX, fd.Arg(), Text(""), Int(unix.AT_EMPTY_PATH), Int(mask), s.Out())
}

// Look is what [Kernel.Stat] says, at once.
func (k *Kernel) Look(label string, fd FD) (*unix.Statx_t, error) {
	s, c := k.Stat(label, fd)
	_, err := c.Now()
	return s.Get(), err
}

// RequireKind has a call behind [Kernel.Stat] fail with err unless the file is of the type kind
// (S_IFDIR…).
func (k *Kernel) RequireKind(label string, s Stat, kind uint32, err unix.Errno) *Call {
	return k.Require(label, s.Mode(), unix.S_IFMT, kind, err)
}

// Mkdirat makes a directory.
func (k *Kernel) Mkdirat(label string, dir FD, name string, mode uint32) *Call {
	return k.Call(label, unix.SYS_MKDIRAT, dir.Arg(), Text(name), Int(int(mode)))
}

// Mknodat makes a file.
func (k *Kernel) Mknodat(label string, dir FD, name string, mode uint32, dev uint64) *Call {
	return k.Call(label, unix.SYS_MKNODAT, dir.Arg(), Text(name), Int(int(mode)), Int(int(dev)))
}

// Symlinkat makes a symbolic link.
func (k *Kernel) Symlinkat(label, target string, dir FD, name string) *Call {
	return k.Call(label, unix.SYS_SYMLINKAT, Text(target), dir.Arg(), Text(name))
}

// Readlinkat reads a symbolic link into b.
func (k *Kernel) Readlinkat(label string, dir FD, name string, b *Buf) *Call {
	return k.Call(label, unix.SYS_READLINKAT, dir.Arg(), Text(name), b.Out(), Int(len(b.Bytes)))
}

// Unlinkat removes a name.
func (k *Kernel) Unlinkat(label string, dir FD, name string) *Call {
	return k.Call(label, unix.SYS_UNLINKAT, dir.Arg(), Text(name), Int(0))
}

// Fchownat changes the owner of a file.
func (k *Kernel) Fchownat(label string, dir FD, name string, uid, gid, flags int) *Call {
	return k.Call(label, unix.SYS_FCHOWNAT, dir.Arg(), Text(name), Int(uid), Int(gid), Int(flags))
}

// Fchmod changes the mode of an open file.
func (k *Kernel) Fchmod(label string, fd FD, mode Arg) *Call {
	return k.Call(label, unix.SYS_FCHMOD, fd.Arg(), mode)
}

// Fchmodat changes the mode of a file by name.
func (k *Kernel) Fchmodat(label string, dir FD, name string, mode uint32) *Call {
	return k.Call(label, unix.SYS_FCHMODAT, dir.Arg(), Text(name), Int(int(mode)))
}

// Read reads into b.
func (k *Kernel) Read(label string, fd FD, b *Buf) *Call {
	return k.Call(label, unix.SYS_READ, fd.Arg(), b.Out(), Int(len(b.Bytes)))
}

// Write writes text, which is short.
func (k *Kernel) Write(label string, fd FD, text string) *Call {
	return k.Call(label, unix.SYS_WRITE, fd.Arg(), In([]byte(text)), Int(len(text)))
}

// Fchdir changes the working directory.
func (k *Kernel) Fchdir(label string, fd FD) *Call { return k.Call(label, unix.SYS_FCHDIR, fd.Arg()) }

// Chdir changes the working directory.
func (k *Kernel) Chdir(label, path string) *Call { return k.Call(label, unix.SYS_CHDIR, Text(path)) }

// Ioctl makes an ioctl(2) whose argument isn't read back.
func (k *Kernel) Ioctl(label string, fd FD, request int, arg Arg) *Call {
	return k.Call(label, unix.SYS_IOCTL, fd.Arg(), Int(request), arg)
}

// Fsetxattr sets an extended attribute.
func (k *Kernel) Fsetxattr(label string, fd FD, name, value string) *Call {
	return k.Call(label, unix.SYS_FSETXATTR, fd.Arg(), Text(name), In([]byte(value)), Int(len(value)), Int(0))
}
