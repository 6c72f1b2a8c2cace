package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// try does OP:ARG and tells how that went. Operations:
//
//	read:PATH    "ok " and up to 4 KiB of the file, line breaks trimmed at the end
//	write:PATH   opens an existing file for writing and writes nothing
//	create:PATH  makes a new file
//	mkdir:PATH   makes a directory
//	stat:PATH    "ok TYPE MODE UID:GID" and " MAJOR:MINOR" of a device; no link followed
//	link:PATH    "ok " and what a symbolic link says
//	list:PATH    "ok " and the sorted names in a directory
//	mknod:PATH   makes the device 1:3
//	mount:PATH   mounts a tmpfs
//	open:PATH    opens for reading and writing (devices)
//	env:NAME     "ok " and the value of a variable
func try(arg string) string {
	op, path, _ := strings.Cut(arg, ":")
	text, err := do(op, path)
	if err != nil {
		return explain(err)
	}
	return strings.TrimRight("ok "+text, " \n")
}

// explain shortens an error to the kernel's name for it: "EROFS".
func explain(err error) string {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return unix.ErrnoName(no)
	}
	return err.Error()
}

func do(op, path string) (string, error) {
	switch op {
	case "read":
		return readSome(path)
	case "write":
		return "", openClose(path, unix.O_WRONLY)
	case "open":
		return "", openClose(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK)
	case "create":
		return "", openClose(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	case "mkdir":
		return "", unix.Mkdir(path, 0o777)
	case "mknod":
		return "", unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))
	case "mount":
		return "", unix.Mount("none", path, "tmpfs", 0, "")
	case "stat":
		return stat(path)
	case "link":
		return os.Readlink(path)
	case "list":
		return list(path)
	case "env":
		value, ok := os.LookupEnv(path)
		if !ok {
			return "", fmt.Errorf("unset")
		}
		return value, nil
	}
	return "", fmt.Errorf("unknown operation %q", op)
}

func openClose(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func readSome(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func stat(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	kind := map[uint32]string{
		unix.S_IFREG: "file", unix.S_IFDIR: "dir", unix.S_IFLNK: "link", unix.S_IFCHR: "char",
		unix.S_IFBLK: "block", unix.S_IFIFO: "fifo", unix.S_IFSOCK: "socket",
	}[st.Mode&unix.S_IFMT]
	text := fmt.Sprintf("%s %04o %d:%d", kind, st.Mode&0o7777, st.Uid, st.Gid)
	if kind == "char" || kind == "block" {
		text += fmt.Sprintf(" %d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
	}
	return text, nil
}

func list(path string) (string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	sort.Strings(names)
	return strings.Join(names, " "), nil
}
