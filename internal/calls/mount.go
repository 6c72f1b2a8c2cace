package calls

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpenTree opens or clones the mount at path below dir; "": dir itself.
func (k *Kernel) OpenTree(label string, dir FD, path string, flags int) *Call {
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	return k.Call(label, unix.SYS_OPEN_TREE, dir.Arg(), Text(path), Int(flags|unix.OPEN_TREE_CLOEXEC))
}

// MoveMount attaches the mount tree at the file target.
func (k *Kernel) MoveMount(label string, tree, target FD) *Call {
	return k.Call(label, unix.SYS_MOVE_MOUNT, tree.Arg(), Text(""), target.Arg(), Text(""), Int(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// MountSetattr changes the mount fd, and those below it if flags has AT_RECURSIVE.
func (k *Kernel) MountSetattr(label string, fd FD, flags int, attr unix.MountAttr) *Call {
	a := new(unix.MountAttr)
	*a = attr
	return k.Call(label, unix.SYS_MOUNT_SETATTR, fd.Arg(), Text(""), Int(flags|unix.AT_EMPTY_PATH), In(bytesOf(a)), Int(int(unsafe.Sizeof(*a))))
}

// Fsopen opens a file system that is to be made.
func (k *Kernel) Fsopen(label, kind string) *Call {
	return k.Call(label, unix.SYS_FSOPEN, Text(kind), Int(unix.FSOPEN_CLOEXEC))
}

// FsconfigFlag sets an option without a value.
func (k *Kernel) FsconfigFlag(label string, fs FD, key string) *Call {
	return k.Call(label, unix.SYS_FSCONFIG, fs.Arg(), Int(unix.FSCONFIG_SET_FLAG), Text(key), Int(0), Int(0))
}

// FsconfigString sets an option.
func (k *Kernel) FsconfigString(label string, fs FD, key, value string) *Call {
	return k.Call(label, unix.SYS_FSCONFIG, fs.Arg(), Int(unix.FSCONFIG_SET_STRING), Text(key), Text(value), Int(0))
}

// Fsconfig does what cmd says: FSCONFIG_CMD_CREATE, FSCONFIG_CMD_RECONFIGURE.
func (k *Kernel) Fsconfig(label string, fs FD, cmd int) *Call {
	return k.Call(label, unix.SYS_FSCONFIG, fs.Arg(), Int(cmd), Int(0), Int(0), Int(0))
}

// Fsmount makes a detached mount of what has been opened by [Kernel.Fsopen].
func (k *Kernel) Fsmount(label string, fs FD, attr uint64) *Call {
	return k.Call(label, unix.SYS_FSMOUNT, fs.Arg(), Int(unix.FSMOUNT_CLOEXEC), Int(int(attr)))
}

// Fspick opens the file system of a mount to change it.
func (k *Kernel) Fspick(label string, fd FD) *Call {
	return k.Call(label, unix.SYS_FSPICK, fd.Arg(), Text(""), Int(unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH))
}

// Mount makes the old mount(2). An empty data is none.
func (k *Kernel) Mount(label, source, target, kind string, flags uint64, data string) *Call {
	d := Int(0)
	if data != "" {
		d = Text(data)
	}
	return k.Call(label, unix.SYS_MOUNT, Text(source), Text(target), Text(kind), Int(int(flags)), d)
}

// Unmount unmounts what is at path.
func (k *Kernel) Unmount(label, path string, flags int) *Call {
	return k.Call(label, unix.SYS_UMOUNT2, Text(path), Int(flags))
}

// PivotRoot makes newroot the root of the mount namespace.
func (k *Kernel) PivotRoot(label, newroot, old string) *Call {
	return k.Call(label, unix.SYS_PIVOT_ROOT, Text(newroot), Text(old))
}

// Chroot changes the root directory.
func (k *Kernel) Chroot(label, path string) *Call {
	return k.Call(label, unix.SYS_CHROOT, Text(path))
}

// Statfs is what fstatfs(2) says.
type Statfs struct{ *Buf }

// Get is the struct, once the call has been made.
func (s Statfs) Get() *unix.Statfs_t {
	return (*unix.Statfs_t)(unsafe.Pointer(unsafe.SliceData(s.Bytes)))
}

// Type passes the magic number of the file system.
func (s Statfs) Type() Arg {
	var st unix.Statfs_t
	off := unsafe.Offsetof(st.Type)
	if unsafe.Sizeof(st.Type) == 8 {
		off += low
	}
	return s.Int32(off)
}

// Fstatfs looks at the file system of an open file.
func (k *Kernel) Fstatfs(label string, fd FD) (Statfs, *Call) {
	s := Statfs{NewBuf(int(unsafe.Sizeof(unix.Statfs_t{})))}
	return s, k.fstatfs(label, fd, s.Buf)
}
