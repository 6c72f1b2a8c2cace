package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fault"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// CheckpointOptions say how a container is dumped.
type CheckpointOptions struct {
	CRIUOptions

	Parent       string // directory with the images of an earlier dump, relative to that of the images
	LeaveRunning bool
	PreDump      bool // only memory, and the container runs on
	SkipInFlight bool // TCP connections that aren't established yet
	LinkRemap    bool // files that have no name any more get one
	StatusFD     int  // with LazyPages: it gets a zero byte when pages are ready to be fetched; -1: none

	ServerAddress string // of a page server that takes the memory, or where pages are served for a lazy restore
	ServerPort    int
}

// Checkpoint has CRIU dump a container that runs or is paused, and removes it unless it is to run on. When it fails, or the context is done, the
// container is as it was.
func (h *Container) Checkpoint(ctx context.Context, o *CheckpointOptions) error {
	o = given(o)
	stop, err := cancel.Of(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint container %s: %w", h.id, err)
	}
	defer stop.Close()
	return givenUp(h.checkpoint(o, stop), stop.Err(), "container "+h.id+" is as it was")
}

func (h *Container) checkpoint(o *CheckpointOptions, stop *cancel.Signal) error {
	h.r.closeOnExec()
	h.r.raiseFileSize()
	c, f, err := h.openFacts(stop.Err)
	if err != nil {
		return err
	}
	defer c.close()
	if st := f.Status(); st != specs.StateRunning && st != state.Paused {
		return notDumped(st)
	}
	program, err := criuProgram()
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	d := &dump{container: c, opt: o, stop: stop, paused: f.Frozen}
	defer d.close()
	if err := d.prepare(); err != nil {
		return err
	}
	if err := d.run(program); err != nil {
		return d.recover(err)
	}
	fault.Point("checkpoint:dumped")
	if o.LeaveRunning || o.PreDump {
		return d.resume()
	}
	return c.remove(c.destroy)
}

// A dump is a container on its way to images.
type dump struct {
	*container
	opt    *CheckpointOptions
	stop   *cancel.Signal
	spec   *spec.Bundle
	paused bool
	pidfd  fdio.Own
	dirs   criuDirs
	status fdio.Own        // see [CheckpointOptions.StatusFD]
	has    map[uint64]bool // the container's mounts, by their ids in mountinfo
	files  []outerFile
	outer  []criu.Pair // mounts from outside
}

func (d *dump) close() {
	d.pidfd.Close()
	d.dirs.close()
	d.status.Close()
}

// prepare checks what can be checked, and opens what is written to.
func (d *dump) prepare() (err error) {
	if d.pidfd, err = fdio.Of(d.container.pidfd()); err != nil {
		if errors.Is(err, unix.ESRCH) {
			return ErrNotRunning
		}
		return err
	}
	if d.spec, err = d.configNow(); err != nil {
		return err
	}
	if err := restorable(d.spec.Spec); err != nil {
		return err
	}
	if err := d.checkParent(); err != nil {
		return err
	}
	if d.opt.LazyPages && d.opt.StatusFD >= 0 {
		if d.status, err = writable(d.opt.StatusFD); err != nil {
			return fmt.Errorf("invalid --status-fd argument %d: %w", d.opt.StatusFD, err)
		}
	}
	if d.dirs, err = d.opt.openDirs(true, "dump.log"); err != nil {
		return err
	}
	d.dirs.forget()
	return d.dirs.openConfig(d.record.Annotations)
}

// restorable tells whether there could be a restore, as far as the configuration says.
func restorable(s *specs.Spec) error {
	own := func(ns specs.LinuxNamespace) bool { return ns.Type == specs.MountNamespace && ns.Path == "" }
	if s.Linux == nil || !slices.ContainsFunc(s.Linux.Namespaces, own) {
		return errors.New("linux.namespaces: a container without a mount namespace of its own couldn't be restored")
	}
	return nil
}

// checkParent has the rules of runc.
func (d *dump) checkParent() error {
	if d.opt.Parent == "" {
		return nil
	}
	if filepath.IsAbs(d.opt.Parent) {
		return fmt.Errorf("parent images %s: the path has to be relative to the image directory", d.opt.Parent)
	}
	fi, err := os.Stat(filepath.Join(d.opt.Images, d.opt.Parent))
	if err == nil && !fi.IsDir() {
		err = unix.ENOTDIR
	}
	if err != nil {
		return fmt.Errorf("parent images: %w", err)
	}
	return nil
}

// writable is a descriptor of our caller's that can be written to, as our own.
func writable(fd int) (own fdio.Own, err error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return own, err
	}
	if flags&unix.O_ACCMODE == unix.O_RDONLY {
		return own, errors.New("not writable")
	}
	return fdio.New(fd), nil
}

// run has CRIU do it.
func (d *dump) run(program string) error {
	opts, err := d.options()
	if err != nil {
		return err
	}
	if opts.CgroupYard, err = d.yard(); err != nil {
		return err
	}
	defer func() { _ = d.entry.Unlink(cgroupYard) }()
	start := criu.Start{Program: program, Shell: d.opt.Shell, Stop: d.stop}
	client, err := start.Run()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Greet(); err != nil {
		return err
	}
	if err := d.checkFeatures(client); err != nil {
		return err
	}
	what := criu.Dump
	if d.opt.PreDump {
		what = criu.SinglePreDump
	} else if err := d.describe(); err != nil {
		return err
	}
	d.r.debug("criu %s dumps process %d to %s", criu.VersionText(client.Version), d.record.PID, d.opt.Images)
	w := watch{host: d.host, pid: client.PID}
	p := d.opt.patience(func() uint64 { return d.dirs.logSize() + w.computed() })
	client.Stop = nil // see notified
	_, err = client.Ask(&criu.Request{Type: what, Options: opts}, func(script string, _ int, _ []int) error {
		return d.notified(client, script)
	}, p)
	return d.dirs.explain(err)
}

// notified hears of what CRIU does.
func (d *dump) notified(client *criu.Client, script string) error {
	fault.Point("checkpoint:" + script)
	if err := d.stop.Err(); err != nil {
		return err
	}
	if script != "status-ready" {
		return nil
	}
	client.Stop = d.stop // it now waits for who fetches pages, for as long as he likes, with nothing to take back
	if d.status.Open() {
		_, err := fdio.Write(d.status.FD(), []byte{0})
		d.status.Close()
		if err != nil {
			d.r.warn("write to --status-fd: %v", err)
		}
	}
	return nil
}

// checkFeatures asks for what the kernel has to have, where it may not.
func (d *dump) checkFeatures(client *criu.Client) error {
	if !d.opt.PreDump && !d.opt.LazyPages {
		return nil
	}
	want := criu.Features{MemoryTracking: d.opt.PreDump, LazyPages: d.opt.LazyPages}
	got, err := client.Features(want)
	switch {
	case err != nil:
		return err
	case want.MemoryTracking && !got.MemoryTracking:
		return errors.New("criu is missing feature mem_dirty_track: the kernel can't say which memory has changed, so there are no pre-dumps")
	case want.LazyPages && !got.LazyPages:
		return errors.New("criu is missing feature uffd-noncoop: the kernel can't have memory fetched by and by, so there are no lazy pages")
	}
	return nil
}

// options are what CRIU is told.
func (d *dump) options() (*criu.Options, error) {
	o := d.opt.common(&d.dirs)
	o.PID, o.Root = d.record.PID, d.record.Rootfs
	o.LeaveRunning, o.SkipInFlight, o.LinkRemap = d.opt.LeaveRunning, d.opt.SkipInFlight, d.opt.LinkRemap
	o.Parent, o.TrackMemory = d.opt.Parent, d.opt.PreDump || d.opt.Parent != ""
	o.ServerAddress, o.ServerPort = d.opt.ServerAddress, d.opt.ServerPort
	o.FreezeCgroup = freezer(d.record.Cgroups)
	for _, x := range externals {
		if joinedPath(d.spec.Spec, x.kind) == "" {
			continue
		}
		ns, err := d.ofInit(d.pidfd.FD(), "ns/"+x.file, unix.O_RDONLY)
		if err != nil {
			return nil, err
		}
		ino, err := inode(ns)
		unix.Close(ns)
		if err != nil {
			return nil, err
		}
		o.External = append(o.External, fmt.Sprintf("%s[%d]:%s", x.file, ino, x.key))
	}
	if d.opt.PreDump {
		return o, nil
	}
	var err error
	if d.outer, err = d.mounts(); err != nil {
		return nil, err
	}
	o.Mounts = d.outer
	if d.files, err = d.outerFiles(); err != nil {
		return nil, err
	}
	for _, f := range d.files {
		o.External = append(o.External, f.Key)
	}
	return o, nil
}

// cgroupYard is what CRIU calls cgroup v2 in a [criu.Options.CgroupYard].
const cgroupYard = "unified"

// yard makes the container's directory one in which CRIU finds cgroup v2, if that is all there is; "" else.
func (d *dump) yard() (string, error) {
	layout, err := cgroups.Detect()
	if err != nil || layout.Mode != cgroups.Unified {
		return "", err
	}
	if err := unix.Symlinkat(layout.Hierarchy("").Mountpoint, d.entry.FD, cgroupYard); err != nil && err != unix.EEXIST {
		return "", fmt.Errorf("make %s/%s: %w", d.entry.Dir, cgroupYard, err)
	}
	return d.entry.Dir, nil
}

// freezer is the cgroup whose processes are frozen together; "": there is none.
func freezer(dirs map[string]string) string {
	if dir := dirs["freezer"]; dir != "" {
		return dir
	}
	if len(dirs) == 1 {
		return dirs[""]
	}
	return ""
}

// describe writes down what the standard streams of the init are.
func (d *dump) describe() error {
	names := make([]string, 3)
	for fd := range names {
		// One that is closed, or of another mount namespace, is nothing that a restore could hand on.
		names[fd], _ = readlink(d.host, proc.PID(d.record.PID, fmt.Sprintf("fd/%d", fd)))
	}
	if err := writeDescriptors(d.dirs.images.FD(), names); err != nil {
		return err
	}
	return writeOuter(d.dirs.images.FD(), d.files, d.outer)
}

func readlink(host proc.FS, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(host.FD, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// resume has the container as it was before.
func (d *dump) resume() error {
	frozen, err := d.manager.Frozen()
	switch {
	case err != nil || frozen == d.paused:
		return err
	case d.paused:
		return d.manager.Freeze(pauseTimeout, nil)
	}
	return d.manager.Thaw()
}

// recover has the container of a dump that failed as it was before.
func (d *dump) recover(failed error) error {
	if err := d.resume(); err != nil {
		return fmt.Errorf("%w; the container is left frozen: %w", failed, err)
	}
	return failed
}

// notDumped is the error of a container of a state in which there is nothing to checkpoint.
func notDumped(st specs.ContainerState) error {
	return &stateError{fmt.Sprintf("container cannot be checkpointed in %s state", st), ErrNotRunning}
}
