package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/criu"
	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/jsontext"
)

// CgroupMode is what CRIU does to the limits of cgroups.
type CgroupMode = criu.CgroupMode

const (
	CgroupsDefault CgroupMode = criu.CgroupDefault // CRIU's, which is soft
	CgroupsSoft    CgroupMode = criu.CgroupSoft    // none that are there are changed
	CgroupsFull    CgroupMode = criu.CgroupFull    // all are made as they were
	CgroupsStrict  CgroupMode = criu.CgroupStrict  // so, and a restore wants none of the container's to be there before
	CgroupsIgnore  CgroupMode = criu.CgroupIgnore  // none is looked at
)

// CRIUOptions are what a checkpoint and a restore have in common.
type CRIUOptions struct {
	Images string // directory of the images
	Work   string // directory of CRIU's log and of what it needs for a while; "": that of the images

	Established bool // TCP connections that are established
	Sockets     bool // connected unix sockets with one end outside
	Shell       bool // processes that belong to our session and terminal
	FileLocks   bool
	AutoDedup   bool // pages are taken out of the images once they are elsewhere
	LazyPages   bool // memory is transferred by and by
	FullNetwork bool // CRIU dumps, or makes, the devices and addresses of a network namespace of the container's own
	Cgroups     CgroupMode
	Timeout     int // seconds that CRIU may wait for processes to stop; idle for ten more it is killed; 0: any time
}

// idleMore is how long CRIU may do nothing beyond its own timeout.
const idleMore = 10 * time.Second

// errNotRoot is why an ordinary user can have neither.
var errNotRoot = errors.New("it takes root of the host")

// criuProgram finds CRIU, for who may use it.
func criuProgram() (string, error) {
	if os.Geteuid() != 0 {
		return "", errNotRoot
	}
	return criu.Find(os.Getenv("PATH"))
}

// The annotation that names a configuration file of CRIU's, and the file that is used without one if it is there: runc's.
const (
	criuAnnotation = "org.criu.config"
	criuConfig     = "/etc/criu/runc.conf"
)

// openConfig opens the configuration file of a container, if there is one.
func (d *criuDirs) openConfig(annotations map[string]string) (err error) {
	file, named := annotations[criuAnnotation]
	if !named {
		file = criuConfig
	}
	d.config, err = fdio.Of(unix.Open(file, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0))
	if errors.Is(err, unix.ENOENT) && !named {
		return nil
	}
	if err == nil {
		var st unix.Stat_t
		if err = unix.Fstat(d.config.FD(), &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.EISDIR
		}
	}
	if err != nil {
		return fmt.Errorf("configuration of criu: open %s: %w", file, err)
	}
	return nil
}

// criuDirs are the directories of images and of work, open.
type criuDirs struct {
	images, work fdio.Own
	config       fdio.Own // see openConfig
	log          string   // name of CRIU's log, in work
	place        string   // of the log, for people
}

// openDirs opens the directories; it makes those that are missing if that is wanted. None may be a link: whoever may make one where we are about
// to write could have had a directory there. A work directory may be a link of our user's own: containerd has one in each bundle.
func (o *CRIUOptions) openDirs(makeThem bool, log string) (d criuDirs, err error) {
	d.log = log
	if d.images, err = openDir("image", o.Images, makeThem); err != nil {
		return d, err
	}
	work := o.Work
	if work == "" {
		work = o.Images
	}
	d.place = filepath.Join(work, log)
	if work != o.Images {
		if work, err = ownLink(work); err != nil {
			d.images.Close()
			return d, fmt.Errorf("work directory %s: %w", o.Work, err)
		}
	}
	if d.work, err = openDir("work", work, makeThem || work != o.Images); err != nil {
		d.images.Close()
	}
	return d, err
}

// ownLink is where a link leads that belongs to our user, and the path itself if it is anything else.
func ownLink(path string) (string, error) {
	link, err := fdio.Of(unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0))
	if errors.Is(err, unix.ENOENT) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	defer link.Close()
	var st unix.Stat_t
	if err := unix.Fstat(link.FD(), &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK || int(st.Uid) != os.Geteuid() {
		return path, nil
	}
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(link.FD(), "", buf[:])
	if err != nil {
		return "", err
	}
	to := string(buf[:n])
	if !filepath.IsAbs(to) {
		to = filepath.Dir(path) + "/" + to
	}
	return to, nil
}

func openDir(what, path string, makeIt bool) (dir fdio.Own, err error) {
	if path == "" {
		return dir, fmt.Errorf("there is no %s directory", what)
	}
	if makeIt {
		if err := os.MkdirAll(path, 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
			return dir, fmt.Errorf("%s directory: %w", what, err)
		}
	}
	dir, err = fdio.Of(unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0))
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = errors.New("it is a symbolic link")
		}
	}
	if err != nil {
		return dir, fmt.Errorf("%s directory %s: %w", what, path, err)
	}
	return dir, nil
}

func (d *criuDirs) close() {
	d.images.Close()
	d.work.Close()
	d.config.Close()
}

// reopen opens the same directories in the calling thread's mount namespace: what CRIU mounts below them for a while has to be in that.
func (d *criuDirs) reopen(o *CRIUOptions) error {
	again, err := o.openDirs(false, d.log)
	if err != nil {
		return err
	}
	for _, dir := range [...][2]int{{d.images.FD(), again.images.FD()}, {d.work.FD(), again.work.FD()}} {
		var before, now unix.Stat_t
		if err := errors.Join(unix.Fstat(dir[0], &before), unix.Fstat(dir[1], &now)); err != nil || before.Ino != now.Ino || before.Dev != now.Dev {
			again.close()
			return fmt.Errorf("directories of images or work have been moved meanwhile: %w", cmp.Or(err, error(unix.ESTALE)))
		}
	}
	again.config = fdio.New(d.config.Take())
	d.close()
	*d = again
	return nil
}

// logSize is a sign of life.
func (d *criuDirs) logSize() uint64 {
	var st unix.Stat_t
	if unix.Fstatat(d.work.FD(), d.log, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return 0
	}
	return uint64(st.Size)
}

// forget removes the log of an earlier time, whose errors would be taken for this one's.
func (d *criuDirs) forget() { _ = unix.Unlinkat(d.work.FD(), d.log, 0) }

// explain adds to an error of CRIU's what its log says of it.
func (d *criuDirs) explain(err error) error {
	if err == nil {
		return nil
	}
	text, rerr := readAt(d.work.FD(), d.log, maxLog)
	if rerr != nil {
		return err
	}
	if said := criu.Errors(string(text)); said != "" {
		if f, ok := errors.AsType[*criu.Failure](err); ok {
			f.Message = "" // it is the first of them
		}
		return fmt.Errorf("%w: %s (log file: %s)", err, said, d.place)
	}
	return fmt.Errorf("%w (log file: %s)", err, d.place)
}

// maxLog is how much is read of a log: its end.
const maxLog = 256 << 10

// readAt reads the end of an ordinary file in a directory.
func readAt(dir int, name string, limit int64) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, unix.EINVAL
	}
	if st.Size > limit {
		if _, err := unix.Seek(fd, st.Size-limit, unix.SEEK_SET); err != nil {
			return nil, err
		}
	}
	return fdio.ReadAll(fd, int(min(st.Size, limit)), int(limit))
}

// patience is how long CRIU may show no sign of life.
func (o *CRIUOptions) patience(signs func() uint64) criu.Patience {
	if o.Timeout <= 0 {
		return criu.Patience{}
	}
	return criu.Patience{Idle: time.Duration(o.Timeout)*time.Second + idleMore, Signs: signs}
}

// common are the options of CRIU that a dump and a restore have in common.
func (o *CRIUOptions) common(d *criuDirs) *criu.Options {
	config := ""
	if d.config.Open() {
		config = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), d.config.FD())
	}
	return &criu.Options{
		Images: d.images.FD(), Work: d.work.FD(), LogFile: d.log, StatusFD: -1, ConfigFile: config,
		ExternalSockets: o.Sockets, Established: o.Established, Shell: o.Shell, FileLocks: o.FileLocks, AutoDedup: o.AutoDedup,
		LazyPages: o.LazyPages, OrphanTerminal: true, EmptyNet: !o.FullNetwork, Cgroups: o.Cgroups, Timeout: o.Timeout,
	}
}

// joinedPath is the path of a namespace of the configuration that was given by path.
func joinedPath(s *specs.Spec, kind specs.LinuxNamespaceType) string {
	if s.Linux != nil {
		for _, ns := range s.Linux.Namespaces {
			if ns.Type == kind {
				return ns.Path
			}
		}
	}
	return ""
}

// externals are the namespaces that CRIU leaves as they are if they were given by path, with the names that runc's images have for them.
var externals = [...]struct {
	kind      specs.LinuxNamespaceType
	file, key string
}{
	{specs.NetworkNamespace, "net", "extRootNetNS"},
	{specs.PIDNamespace, "pid", "extRootPidNS"},
}

// descriptorsName is the file with what stdin, stdout and stderr of the init were, which runc's images have too.
const descriptorsName = "descriptors.json"

// writeDescriptors writes it.
func writeDescriptors(images int, names []string) error {
	w := jsontext.NewWriter(nil, "")
	w.BeginArray()
	for _, n := range names {
		w.String(n)
	}
	w.EndArray()
	return writeImage(images, descriptorsName, w.Bytes())
}

// readDescriptors reads it back.
func readDescriptors(images int) (names []string, err error) {
	text, err := readAt(images, descriptorsName, maxDescriptors)
	if err == nil {
		r := jsontext.NewReader(text)
		for r.BeginArray(); r.More(); {
			names = append(names, r.ReadString())
		}
		r.End()
		err = r.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", descriptorsName, err)
	}
	return names, nil
}

const maxDescriptors = 64 << 10
