package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/blockers"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/seccomp"
)

// A Blocker is something that would stop a dump.
type Blocker = blockers.Blocker

// A CheckpointCheck is what CheckCheckpoint has found.
type CheckpointCheck struct {
	ID        string
	Program   string // CRIU's path; "": there is none
	Version   string // of it
	PreDump   bool   // the kernel can say which memory has changed
	LazyPages bool   // the kernel can have memory fetched by and by
	Blockers  []Blocker
	Lost      []int // processes that CRIU doesn't see, because they aren't the init's descendants: those of an exec
}

// CheckCheckpoint says what would stop a checkpoint of a container that runs or is paused, without stopping anything.
func (h *Container) CheckCheckpoint(ctx context.Context, o *CheckpointOptions) (*CheckpointCheck, error) {
	if err := h.unless(ctx, "check checkpoint of"); err != nil {
		return nil, err
	}
	o = given(o)
	h.r.closeOnExec()
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	d := &dump{container: c, opt: o}
	defer func() { d.close(); c.close() }()
	f, err := c.facts()
	if err != nil {
		return nil, err
	}
	if st := f.Status(); st != specs.StateRunning && st != state.Paused {
		return nil, notDumped(st)
	}
	if d.pidfd, err = fdio.Of(c.pidfd()); err != nil {
		return nil, err
	}
	if d.spec, err = c.configNow(); err != nil {
		return nil, err
	}
	check := &CheckpointCheck{ID: h.id}
	if check.askCRIU(ctx.Err); ctx.Err() != nil {
		return nil, h.unless(ctx, "check checkpoint of")
	}
	if s := d.spec.Spec; s.Linux != nil && seccomp.Wanted(s.Linux.Seccomp) && s.Linux.Seccomp.ListenerPath != "" {
		check.add(blockers.Seccomp, "linux.seccomp.listenerPath: the agent has the listener of the profile", "")
	}
	if err := restorable(d.spec.Spec); err != nil {
		check.add(blockers.Namespace, err.Error(), "")
	}
	if err := d.dirs.openConfig(d.record.Annotations); err != nil {
		check.add(blockers.CRIU, err.Error(), "")
	}
	var pids []int
	if pids, check.Lost, err = d.tree(); err != nil {
		return nil, err
	}
	facts, err := d.lookAround(pids)
	if err != nil {
		return nil, err
	}
	check.Blockers = append(check.Blockers, facts.Find(blockers.Options{
		Established: o.Established, Sockets: o.Sockets, Shell: o.Shell, FileLocks: o.FileLocks, LinkRemap: o.LinkRemap, FullNetwork: o.FullNetwork,
		BPF: check.Program == "" || criu.KnowsBPF(check.Program),
	})...)
	return check, nil
}

func (k *CheckpointCheck) add(name, what, mend string) {
	k.Blockers = append(k.Blockers, blockers.Blocker{Name: name, FD: -1, What: what, Mend: mend})
}

// askCRIU has CRIU say what it is, and what it thinks of the kernel. It asks no more once stop says something.
func (k *CheckpointCheck) askCRIU(stop func() error) {
	var err error
	if k.Program, err = criuProgram(); err != nil {
		mend := ""
		if errors.Is(err, criu.ErrAbsent) {
			mend = "install it"
		}
		k.add(blockers.CRIU, err.Error(), mend)
		return
	}
	client, err := (&criu.Start{Program: k.Program}).Run()
	if err == nil {
		defer client.Close()
		err = client.Greet()
		k.Version = criu.VersionText(client.Version)
	}
	if err != nil {
		k.add(blockers.CRIU, err.Error(), "")
		return
	}
	if stop() != nil {
		return
	}
	if got, err := client.Features(criu.Features{MemoryTracking: true, LazyPages: true}); err == nil {
		k.PreDump, k.LazyPages = got.MemoryTracking, got.LazyPages
	}
	if stop() != nil {
		return
	}
	if err := criu.CheckKernel(k.Program); err != nil {
		k.add(blockers.CRIU, err.Error(), "")
	}
}

// tree sorts the container's processes into the init with its descendants, which is what CRIU dumps, and others.
func (d *dump) tree() (tree, others []int, err error) {
	all, err := d.manager.Pids(true)
	if err != nil {
		return nil, nil, err
	}
	parents := map[int]int{}
	for _, pid := range all {
		parents[pid] = parent(d.host, pid)
	}
	tree = []int{d.record.PID}
	for _, pid := range all {
		at := pid
		for range all {
			if at != d.record.PID && parents[at] > 0 {
				at = parents[at]
			}
		}
		switch {
		case pid == d.record.PID || parents[pid] == 0: // it is there already, or has ended
		case at == d.record.PID:
			tree = append(tree, pid)
		default:
			others = append(others, pid)
		}
	}
	return tree, others, nil
}

// parent is a process's parent; 0 if it has ended.
func parent(host proc.FS, pid int) int {
	status, err := host.ReadFile(proc.PID(pid, "status"), maxInitText)
	if err != nil {
		return 0
	}
	return number(string(status), "PPid:")
}

// number is that of a line of /proc/PID/status; 0 if there is none.
func number(status, name string) int {
	for line := range strings.Lines(status) {
		if value, found := strings.CutPrefix(line, name); found {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			return n
		}
	}
	return 0
}

// lookAround collects what the blockers follow from.
func (d *dump) lookAround(pids []int) (*blockers.Facts, error) {
	f := &blockers.Facts{Established: map[uint64]bool{}, Locks: d.locks()}
	own, err := d.host.ReadFile(proc.PID(d.record.PID, "mountinfo"), maxInitText)
	if err != nil {
		return nil, err
	}
	outer, err := d.mounts()
	if err != nil {
		return nil, err
	}
	for _, point := range inspect.MountPoints(string(own), blockers.UnknownMounts...) {
		if restorable(d.spec.Spec) == nil && !slices.ContainsFunc(outer, func(p criu.Pair) bool { return p.Key == point }) {
			f.Mounts = append(f.Mounts, point)
		}
	}
	for _, pid := range pids {
		d.has = inspect.MountIDs(string(own))
		if p, ok := d.lookAt(pid); ok {
			f.Processes = append(f.Processes, p)
		}
	}
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		text, err := d.host.ReadFile(proc.PID(d.record.PID, file), maxInitText)
		if err == nil {
			established(string(text), f.Established)
		}
	}
	if f.Peers, err = d.peers(); err != nil {
		return nil, err
	}
	return f, nil
}

// lookAt is what there is of a process; nothing of one that has ended.
func (d *dump) lookAt(pid int) (p blockers.Process, ok bool) {
	p = blockers.Process{PID: pid, Others: map[string]bool{}}
	status, err := d.host.ReadFile(proc.PID(pid, "status"), maxInitText)
	if err != nil {
		return p, false
	}
	p.Tracer = number(string(status), "TracerPid:")
	for _, kind := range []string{"user", "pid", "ipc", "uts", "mnt", "net"} {
		own, err := readlink(d.host, proc.PID(d.record.PID, "ns/"+kind))
		theirs, terr := readlink(d.host, proc.PID(pid, "ns/"+kind))
		p.Others[kind] = err == nil && terr == nil && own != theirs
	}
	if p.Others["mnt"] {
		if text, err := d.host.ReadFile(proc.PID(pid, "mountinfo"), maxInitText); err == nil {
			d.has = inspect.MountIDs(string(text))
		}
	}
	if maps, err := d.host.ReadFile(proc.PID(pid, "maps"), maxInitText); err == nil {
		p.Secret = strings.Contains(string(maps), " /secretmem")
	}
	fds, err := descriptors(d.host, pid)
	if err != nil {
		return p, true
	}
	pidfd, err := fdio.Of(unix.PidfdOpen(pid, 0))
	if err != nil {
		return p, false
	}
	defer pidfd.Close()
	for _, n := range fds {
		if fd, ok := d.lookAtFD(pid, pidfd.FD(), n); ok {
			p.FDs = append(p.FDs, fd)
		}
	}
	return p, true
}

func (d *dump) lookAtFD(pid, pidfd, n int) (fd blockers.FD, ok bool) {
	at, err := openFD(d.host, pid, n)
	if err != nil {
		return fd, false
	}
	fd = blockers.FD{
		Number: n, Link: at.link, Mode: at.stat.Mode, Rdev: uint64(at.stat.Rdev), Size: at.stat.Size, Links: uint64(at.stat.Nlink), Inode: at.stat.Ino,
		Within: d.has[at.mount], Domain: -1, Huge: at.huge && !hugePageFree(int64(at.stat.Blksize)), //nolint:unconvert // narrower elsewhere
	}
	_, fd.Known = d.outerFile(pid, n, at)
	if at.stat.Mode&unix.S_IFMT == unix.S_IFSOCK {
		if socket, err := unix.PidfdGetfd(pidfd, n, 0); err == nil {
			fd.Domain, _ = unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_DOMAIN)
			fd.Proto, _ = unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PROTOCOL)
			unix.Close(socket)
		}
	}
	return fd, true
}

// hugePageFree tells whether there is a free huge page of a size.
func hugePageFree(size int64) bool {
	text, err := os.ReadFile(fmt.Sprintf("/sys/kernel/mm/hugepages/hugepages-%dkB/free_hugepages", size>>10))
	return err == nil && strings.TrimSpace(string(text)) != "0"
}

// established finds the inodes of established connections in a text like /proc/net/tcp.
func established(text string, found map[uint64]bool) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 9 && f[3] == "01" {
			if ino, err := strconv.ParseUint(f[9], 10, 64); err == nil && ino > 0 {
				found[ino] = true
			}
		}
	}
}

// locks counts the file locks of processes, see proc_locks(5).
func (d *dump) locks() map[int]int {
	text, err := d.host.ReadFile("locks", maxInitText)
	if err != nil {
		return nil
	}
	count := map[int]int{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && f[1] != "->" {
			if pid, err := strconv.Atoi(f[4]); err == nil {
				count[pid]++
			}
		}
	}
	return count
}
