package libcontainer

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/pty"
	"github.com/rung-oci/rung/internal/rootfs"
)

// openTerminal makes the process's terminal, from outside: what the container
// sees opens nothing.
func (x *execution) openTerminal() error {
	if !x.process.Terminal {
		return nil
	}
	size := x.process.ConsoleSize
	if size == nil {
		size = new(specs.Box)
	}
	open, peer, err := pty.Open(rootfs.At(x.root.FD()), int(size.Width), int(size.Height))
	if err != nil {
		return err
	}
	master, slave := open.Int(), peer.Int()
	x.terminal = fdio.New(slave)
	// Of a user namespace we aren't in, so it is nobody's there unless we give it away.
	if uid, ok := x.hostID("uid_map", x.process.User.UID); ok {
		// As where the process itself does it, it isn't an error if that can't be.
		_ = unix.Fchown(slave, uid, x.terminalGroup(slave))
	}
	switch {
	case x.front != nil:
		return x.front.take(master, x.opt.Stdin, x.opt.Stdout)
	case x.opt.ConsoleSocket == "":
		x.kept, err = newTerminal(master)
		return err
	}
	return x.sockets.sendConsole(master)
}

// terminalGroup is the group that a terminal is to be given to: root's of the container,
// where the devpts has named none and it is ours; else -1, the one that it has.
func (x *execution) terminalGroup(slave int) int {
	var st unix.Stat_t
	if unix.Fstat(slave, &st) == nil && int(st.Gid) == unix.Getegid() {
		if gid, ok := x.hostID("gid_map", 0); ok {
			return gid
		}
	}
	return -1
}

// hostID is what an id of the container's is in our user namespace, by one of its maps.
func (x *execution) hostID(file string, id uint32) (host int, ok bool) {
	text, err := x.c.host.ReadFile(proc.PID(x.c.record.PID, file), maxMapText)
	if err != nil {
		return 0, false
	}
	want := uint64(id)
	for line := range strings.Lines(string(text)) {
		var n [3]uint64 // inside, outside, how many
		f := strings.Fields(line)
		if len(f) != len(n) {
			return 0, false
		}
		for i := range n {
			if n[i], err = strconv.ParseUint(f[i], 10, 32); err != nil {
				return 0, false
			}
		}
		if want >= n[0] && want-n[0] < n[2] {
			return int(n[1] + want - n[0]), true
		}
	}
	return 0, false
}

// maxMapText bounds what is read of such a map, which may have 340 lines.
const maxMapText = 16 << 10
