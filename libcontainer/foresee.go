package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/preview"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// Plan tells what Create would do, and does nothing. Who may not create the container is told what root would do.
func (r *Runtime) Plan(o *CreateOptions) (*Preview, error) {
	o = given(o)
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	if err := checkPassed(r.listenFDs(), o.PreserveFDs, o.ExtraFiles); err != nil {
		return nil, err
	}
	b, err := o.load()
	if err != nil {
		return nil, typed(err)
	}
	p, err := r.preview(o, b)
	return p, typed(err)
}

// Plan tells what would be done to create the container anew, with what it was given by updates since.
func (h *Container) Plan() (*Preview, error) {
	c, err := h.open()
	if err != nil {
		return nil, err
	}
	defer c.close()
	b, err := c.configNow()
	if err != nil {
		return nil, err
	}
	b.WarnAgain() // as a bundle's plan does
	own := *h.r
	own.SystemdCgroup = c.record.Systemd
	return own.preview(&CreateOptions{ID: h.id, NoNewKeyring: c.record.NoNewKeyring}, b)
}

func (r *Runtime) preview(o *CreateOptions, b *spec.Bundle) (*Preview, error) {
	own, warnings := *r, b.Warnings
	own.Warn = func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	c := &creation{r: &own, opt: o, bundle: b, listen: r.listenFDs(), asRoot: !mayCreate(b.Spec)}
	defer c.close()
	if err := c.examine(); err != nil {
		return nil, err
	}
	opt, err := c.look()
	if err != nil {
		return nil, err
	}
	if c.plan, err = plan.Create(b.Spec, c.facts, opt); err != nil {
		return nil, err
	}
	forecast, err := c.manager.Foresee(c.resources())
	if err != nil {
		return nil, err
	}
	return preview.Of(&preview.Input{
		ID: o.ID, Bundle: b.Dir, Rootfs: b.Rootfs, Spec: b.Spec, Plan: c.plan, Host: c.facts, AsRoot: c.asRoot, Driver: c.driver(), Forecast: forecast,
		Resctrl: c.resctrl.Dirs(), Warnings: append(warnings, c.warnings()...), Source: c.source, Directory: isDirectory,
	}), nil
}

// source says where the links of a path on the host lead, and which flags the mount has that it is on. The container's own cgroups will be
// there when it is looked for.
func (c *creation) source(path string) (resolved string, flags uint64, err error) {
	at := path
	for _, dir := range c.loc {
		if path == dir {
			at = existing(path)
		}
	}
	fd, err := unix.Open(at, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", 0, err
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return "", 0, err
	}
	if at != path {
		return path, option.OfStatfs(uint64(fs.Flags)), nil
	}
	resolved, err = os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	return resolved, option.OfStatfs(uint64(fs.Flags)), err
}

// isDirectory tells whether a path below a directory, which its links don't leave, is a directory.
func isDirectory(root, path string) (bool, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(dir, "./"+path, how)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

// existing is the nearest directory above a path, or itself, that is there.
func existing(dir string) string {
	for dir != "/" && unix.Access(dir, unix.F_OK) != nil {
		dir = filepath.Dir(dir)
	}
	return dir
}
