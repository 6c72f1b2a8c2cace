package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A stdio is the standard files of a command. err is a file on the tmpfs, which is
// emptied before each command: commands at the same time need one each.
type stdio struct {
	in, out, err *os.File
	as           *syscall.Credential // whose the command is; nil: ours
}

// plainFiles reads and writes nothing; file gets the standard error.
func plainFiles(file string) (stdio, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return stdio{}, err
	}
	stderr, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	return stdio{in: null, out: null, err: stderr}, err
}

// filesFor returns the standard files of one operation and what closes them.
func (b *bench) filesFor(operation string) (stdio, func(), error) {
	switch operation {
	case "run terminal", "exec terminal":
		return b.terminal()
	case "run userns":
		return b.ownedFiles()
	}
	if operation == rootless {
		return b.ordinaryFiles(), func() {}, nil
	}
	return b.files, func() {}, nil
}

// ownedFiles are files that may change their owner: crun gives standard files to the
// root of a user namespace, and /dev/null is the host's.
func (b *bench) ownedFiles() (stdio, func(), error) {
	f, err := os.OpenFile(b.dir+"/stdio", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return stdio{}, nil, err
	}
	return stdio{in: f, out: f, err: b.files.err}, func() { f.Close() }, nil
}

// terminal opens a pseudoterminal of the host and reads away what is written to it.
func (b *bench) terminal() (stdio, func(), error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return stdio{}, nil, fmt.Errorf("open a pseudoterminal: %w", err)
	}
	master := os.NewFile(uintptr(fd), "ptmx")
	peer, err := unlock(fd)
	if err != nil {
		master.Close()
		return stdio{}, nil, fmt.Errorf("open a pseudoterminal's slave: %w", err)
	}
	slave := os.NewFile(uintptr(peer), "pty")
	go func() {
		// It ends with EIO, when nobody has the slave open any more.
		io.Copy(io.Discard, master)
		master.Close()
	}()
	return stdio{in: slave, out: slave, err: b.files.err}, func() { slave.Close() }, nil
}

// unlock opens the slave without its name: /dev/pts may be another mount's.
func unlock(master int) (slave int, err error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return 0, errno
	}
	return int(fd), nil
}

func (s stdio) attributes() *syscall.ProcAttr {
	return &syscall.ProcAttr{
		Sys:   &syscall.SysProcAttr{Credential: s.as},
		Env:   []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		Files: []uintptr{s.in.Fd(), s.out.Fd(), s.err.Fd()},
	}
}

// said adds to an error what the command wrote to standard error.
func (s stdio) said(err error) error {
	text, readErr := os.ReadFile(s.err.Name())
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
}
