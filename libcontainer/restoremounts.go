package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/source"
	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/internal/thread"
)

// startApart makes the mounts that CRIU is to find and starts it with them, from a thread in a mount namespace of its own: nobody else sees
// them, and they go with CRIU.
func (r *restoration) startApart() error { return thread.Do(r.startHere) }

func (r *restoration) startHere() (err error) {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("set propagation: %w", err)
	}
	if err := r.dirs.reopen(&r.opt.CRIUOptions); err != nil {
		return err
	}
	if err := r.mapImages(); err != nil {
		return err
	}
	unix.Umask(0) // of this thread
	program := r.program
	if strings.HasPrefix(program, yardDir+"/") {
		fd, err := unix.Open(program, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", program, err)
		}
		defer unix.Close(fd)
		program = fmt.Sprintf("/proc/self/fd/%d", fd)
	}
	y := &yard{dir: yardDir, masters: mastersOf(r.bundle.Spec)}
	defer y.close()
	if err := y.build(r); err != nil {
		return err
	}
	for _, name := range r.wanted {
		if !slices.ContainsFunc(y.pairs, func(p criu.Pair) bool { return p.Key == name }) {
			return fmt.Errorf("the images have a mount from outside at %s, and the configuration has none", name)
		}
	}
	r.root, r.pairs, r.cgroups = y.root, y.pairs, y.cgroups
	// The caller's session keyring isn't the container's, which gets CRIU's.
	if _, err := unix.KeyctlJoinSessionKeyring("_ses." + r.creation.opt.ID); err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("join session keyring: %w", err)
	}
	start := criu.Start{Program: program, Inherit: r.inherit, Shell: r.opt.Shell, Stop: r.stop}
	r.client, err = start.Run()
	return err
}

// mapImages has the images belong to root of the container's user namespace, whose processes read them when they are half restored, and
// couldn't on a file system that can't map ids.
func (r *restoration) mapImages() error {
	l := r.bundle.Spec.Linux
	if l == nil || len(l.UIDMappings) == 0 || joinedPath(r.bundle.Spec, specs.UserNamespace) != "" {
		return nil
	}
	// With the directory around it, in which images of earlier dumps may be.
	dir, base := filepath.Split(r.opt.Images)
	src := step.Source{What: "images", Path: dir, IDMap: step.IDMap{Field: "linux.uidMappings", MapsField: "linux"}}
	src.IDMap.UID, src.IDMap.GID = plan.IDMap(l.UIDMappings), plan.IDMap(l.GIDMappings)
	maker := new(source.Maker)
	defer maker.Close()
	tree, err := maker.Open(&src)
	if err != nil {
		r.r.debug("images stay root's: %v", err)
		return nil
	}
	defer unix.Close(tree)
	mapped, err := fdio.Of(unix.Openat(tree, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0))
	if err != nil {
		return fmt.Errorf("open image directory %s: %w", r.opt.Images, err)
	}
	defer mapped.Close()
	before, err := inode(r.dirs.images.FD())
	if err != nil {
		return err
	}
	if now, err := inode(mapped.FD()); err != nil || now != before {
		return nil // what is mounted there hasn't come along
	}
	r.dirs.images.Close()
	r.dirs.images = fdio.New(mapped.Take())
	return nil
}

// yardDir is where CRIU has what it needs for a while: so that goes with the yard. And everybody may come there, who root of a user namespace
// is, too.
const yardDir = "/tmp"

// A yard is a file system over a directory, which only CRIU sees: it has the root filesystem as root, what comes from
// outside under numbers, and for a while a copy of the root in which mount points are made.
type yard struct {
	dir     string
	root    string // of the container
	masters masters
	trees   []int // of the sources
	copy    int   // the copy of the root
	pairs   []criu.Pair
	next    int
	cgroups string // see criu.Options.CgroupYard
}

func (y *yard) close() {
	y.masters.close()
	for _, fd := range y.trees {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (y *yard) build(r *restoration) error {
	maker := &source.Maker{}
	for _, j := range r.joined {
		maker.Joined = append(maker.Joined, j.fd)
	}
	defer maker.Close()
	for i := range r.mounts.Sources {
		tree, err := maker.Open(&r.mounts.Sources[i])
		if err != nil {
			return err
		}
		y.trees = append(y.trees, tree)
	}
	root, err := unix.OpenTree(unix.AT_FDCWD, r.bundle.Rootfs, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("clone root filesystem: %w", err)
	}
	defer unix.Close(root)
	if !y.masters.root {
		if err := private(root); err != nil {
			return err
		}
	}
	if err := y.masters.look(y.dir); err != nil {
		return err
	}
	if err := unix.Mount("rung", y.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=1777,size=1m"); err != nil {
		return fmt.Errorf("mount on %s: %w", y.dir, err)
	}
	if y.root, err = y.attach(root, "root"); err != nil {
		return err
	}
	if y.copy, err = y.again(y.root, "copy"); err != nil {
		return err
	}
	if err := y.steps(r.mounts.Steps); err != nil {
		return err
	}
	if n := r.mounts.Null; n >= 0 {
		null, err := y.numbered(y.trees[n])
		if err != nil {
			return err
		}
		y.masks(r, null)
	}
	if err := unix.Unmount(y.dir+"/copy", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount copy of root filesystem: %w", err)
	}
	if err := y.widen(); err != nil {
		return err
	}
	return y.unified(r)
}

// masks says what images call that which hides files.
func (y *yard) masks(r *restoration, null string) {
	for _, p := range append(slices.Clip(r.bundle.Spec.Linux.MaskedPaths), plan.NullKey) {
		key := path.Clean("/" + p)
		if !slices.ContainsFunc(y.pairs, func(p criu.Pair) bool { return p.Key == key }) { // the device, in a user namespace
			y.pair(key, null)
		}
	}
}

// unified puts cgroup v2 where CRIU finds it, if that is all there is.
func (y *yard) unified(r *restoration) error {
	if r.layout.Mode != cgroups.Unified {
		return nil
	}
	tree, err := clone(r.layout.Hierarchy("").Mountpoint)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := unix.Mkdir(y.dir+"/cgroups", 0o700); err != nil {
		return fmt.Errorf("make directory of cgroups: %w", err)
	}
	y.cgroups = y.dir + "/cgroups"
	_, err = y.attach(tree, "cgroups/"+cgroupYard)
	return err
}

// private keeps a tree from others, and others from it.
func private(tree int) error {
	err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Propagation: unix.MS_PRIVATE})
	if err != nil {
		return fmt.Errorf("set propagation: %w", err)
	}
	return nil
}

// attach mounts a tree at a name of the yard, and returns the path.
func (y *yard) attach(tree int, name string) (at string, err error) {
	at = y.dir + "/" + name
	var st unix.Stat_t
	if err = unix.Fstat(tree, &st); err == nil {
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.Mkdir(at, 0o700)
		} else {
			err = unix.Mknod(at, unix.S_IFREG|0o600, 0)
		}
	}
	if err == nil {
		err = unix.MoveMount(tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	if err != nil {
		return "", fmt.Errorf("attach %s: %w", name, err)
	}
	return at, nil
}

// clone clones what is attached in the yard.
func clone(at string) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, at, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, fmt.Errorf("clone %s: %w", at, err)
	}
	return fd, nil
}

// again attaches a clone of what is attached, and opens it.
func (y *yard) again(at, name string) (fd int, err error) {
	if fd, err = clone(at); err != nil {
		return -1, err
	}
	if _, err = y.attach(fd, name); err != nil {
		unix.Close(fd)
		return -1, err
	}
	y.trees = append(y.trees, fd)
	return fd, nil
}

// steps makes the mount points in the copy, and puts what comes from outside into the yard.
func (y *yard) steps(list []plan.Restored) error {
	k := new(calls.Kernel)
	env := step.NewEnv(k)
	env.Root = rootfs.Root{K: k, FD: calls.Number(y.copy)}
	sources := y.trees
	for i := range sources {
		env.Trees = append(env.Trees, step.Tree{FD: calls.Number(sources[i])})
	}
	for _, s := range list {
		at := ""
		if s.Key != "" {
			var err error
			if at, err = y.outside(env, s); err != nil {
				return fmt.Errorf("%s: %w", s.Step, err)
			}
		}
		s.Step.Run(env)
		if err := k.Flush(); err != nil {
			return fmt.Errorf("%s: %w", s.Step, err)
		}
		if s.Key != "" {
			y.resolved(s.Key, at)
		}
	}
	return nil
}

// outside puts a mount into the yard, and a clone in its place.
func (y *yard) outside(env *step.Env, s plan.Restored) (string, error) {
	i := 0
	switch at := s.Step.(type) {
	case *step.Mount:
		if at.From == step.FromRoot {
			at.Fetch(env)
			if err := env.K.Flush(); err != nil {
				return "", err
			}
		}
		i = at.Index
	case *step.BindDevice:
		i = at.Tree
	}
	tree := env.Trees[i].FD.Int()
	at, err := y.numbered(tree)
	if err != nil {
		return "", err
	}
	other, err := clone(at)
	if err != nil {
		return "", err
	}
	env.Trees[i].FD = calls.Number(other)
	if i < len(y.trees) && y.trees[i] == tree {
		y.trees[i] = -1
	}
	unix.Close(tree)
	y.pair(s.Key, at)
	return at, nil
}

// numbered attaches a tree under the next number.
func (y *yard) numbered(tree int) (string, error) {
	y.next++
	return y.attach(tree, strconv.Itoa(y.next))
}

// pair says what images call something that is in the yard, and what is mounted below it.
func (y *yard) pair(key, at string) {
	y.pairs = append(y.pairs, criu.Pair{Key: key, Value: at})
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return
	}
	for _, p := range inspect.MountPoints(string(text)) {
		if rest, ok := strings.CutPrefix(p, at+"/"); ok {
			y.pairs = append(y.pairs, criu.Pair{Key: path.Join(key, rest), Value: p})
		}
	}
}

// resolved adds the name that runc's images have for a mount: its mount point.
func (y *yard) resolved(key, value string) {
	fd, err := inside(y.copy, key)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	at, err := os.Readlink("/proc/thread-self/fd/" + strconv.Itoa(fd))
	if point, ok := strings.CutPrefix(at, y.dir+"/copy"); err == nil && ok && point != key {
		y.pairs = append(y.pairs, criu.Pair{Key: point, Value: value})
	}
}
