package differ

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

//go:embed inside/inside.c
var insideSource []byte

// buildInside compiles the program inside.
func buildInside(dir string) (string, error) {
	src, out := dir+"/inside.c", dir+"/inside"
	if err := os.WriteFile(src, insideSource, 0o644); err != nil {
		return "", err
	}
	text, err := exec.Command("gcc", "-O1", "-static", "-o", out, src).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile inside.c: %w: %s", err, text)
	}
	return out, nil
}

// A rig is what a case runs on: always the same paths, made anew for each run.
type rig struct {
	dir, bundle, rootfs, state string
	inside, busybox            string // on the host
	holder                     *exec.Cmd
	holderPID                  int
}

func newRig(dir, inside, busybox string) *rig {
	return &rig{dir: dir, bundle: dir + "/b", rootfs: dir + "/b/rootfs", state: dir + "/run", inside: inside, busybox: busybox}
}

// set makes everything that a case needs.
func (r *rig) set(c *Case, id string) error {
	if err := r.unflag(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(r.rootfs, 0o755); err != nil {
		return err
	}
	if err := r.image(c.Owner); err != nil {
		return err
	}
	if err := r.sources(); err != nil {
		return err
	}
	if c.Holder != nil {
		if err := r.hold(c.Holder); err != nil {
			return fmt.Errorf("holder: %w", err)
		}
	}
	return os.WriteFile(r.bundle+"/config.json", []byte(r.resolve(keys(specText(c), c.Keys), id)), 0o644)
}

// keys writes keys of a configuration otherwise: in another case, which runc's decoder doesn't
// mind, or such as nobody knows.
func keys(text string, which []string) string {
	for _, k := range which {
		switch k {
		case "cpu":
			text = strings.Replace(text, `"cpu": {`, `"CPU": {`, 1)
		case "pageSize":
			text = strings.ReplaceAll(text, `"pageSize":`, `"pagesize":`)
		case "unknown":
			text = strings.Replace(text, "{", `{ "org.example.unknown": {"a": [1]},`, 1)
		}
	}
	return text
}

func (r *rig) resolve(text, id string) string {
	return resolve(text, map[string]string{
		atBundle: r.bundle, atInside: r.inside, atID: id, atHolder: "/proc/" + strconv.Itoa(r.holderPID),
	})
}

// An entry is a file of the image or of the sources of binds.
type entry struct {
	name string
	mode os.FileMode
	text string // of a file; of a link with mode ModeSymlink
}

var imageEntries = []entry{
	{"bin", os.ModeDir | 0o755, ""},
	{"dev", os.ModeDir | 0o755, ""},
	{"etc", os.ModeDir | 0o755, ""},
	{"etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nother:x:77:78::/:/bin/sh\n"},
	{"etc/group", 0o644, "root:x:0:\nuser:x:1000:\nextra:x:5000:user\nmore:x:5001:root,user\n"},
	{"home", os.ModeDir | 0o755, ""},
	{"log", os.ModeDir | 0o1777, ""},
	{"log/hooks", 0o666, ""},
	{"mnt", os.ModeDir | 0o755, ""},
	{"proc", os.ModeDir | 0o555, ""},
	{"run", os.ModeDir | 0o755, ""},
	{"secret", os.ModeDir | 0o700, ""},
	{"srv", os.ModeDir | 0o2775, ""},
	{"srv/file", 0o640, "served\n"},
	{"srv/dir", os.ModeDir | 0o750, ""},
	{"srv/dir/deep", 0o604, "deep\n"},
	{"sys", os.ModeDir | 0o555, ""},
	{"tmp", os.ModeDir | 0o1777, ""},
	{"link", os.ModeSymlink, "srv"},
	{"var", os.ModeDir | 0o755, ""},
	{"var/run", os.ModeSymlink, "/run"},
	{"plain", 0o644, "not a program\n"},
	{"script", 0o755, "echo no interpreter named\n"},
	{"hashbang", 0o755, "#!/nonesuch\n"},
}

var sourceEntries = []entry{
	{"dir", os.ModeDir | 0o755, ""},
	{"dir/a", 0o644, "a\n"},
	{"dir/sub", os.ModeDir | 0o711, ""},
	{"dir/sub/b", 0o600, "b\n"},
	{"open", os.ModeDir | 0o777, ""},
	{"file", 0o644, "file\n"},
	{"lower", os.ModeDir | 0o755, ""},
	{"lower/l", 0o644, "l\n"},
	{"upper", os.ModeDir | 0o755, ""},
	{"work", os.ModeDir | 0o755, ""},
}

func (r *rig) image(owner int) error {
	if err := entries(r.rootfs, imageEntries, owner); err != nil {
		return err
	}
	if err := os.Lchown(r.rootfs, owner, owner); err != nil {
		return err
	}
	if err := os.Link(r.inside, r.rootfs+"/bin/inside"); err != nil {
		return err
	}
	if err := os.Link(r.busybox, r.rootfs+"/bin/busybox"); err != nil {
		return err
	}
	return os.Symlink("busybox", r.rootfs+"/bin/sh")
}

// sources are directories and files of the bundle that binds take.
func (r *rig) sources() error {
	if err := os.Mkdir(r.bundle+"/src", 0o755); err != nil {
		return err
	}
	if err := entries(r.bundle+"/src", sourceEntries, 0); err != nil {
		return err
	}
	return r.flagged()
}

func entries(dir string, list []entry, owner int) error {
	for _, e := range list {
		path := filepath.Join(dir, e.name)
		var err error
		switch {
		case e.mode.IsDir():
			err = os.Mkdir(path, 0o755)
		case e.mode&os.ModeSymlink != 0:
			err = os.Symlink(e.text, path)
		default:
			err = os.WriteFile(path, []byte(e.text), 0o600)
		}
		if err == nil && owner != 0 {
			err = os.Lchown(path, owner, owner)
		}
		if err == nil && e.mode&os.ModeSymlink == 0 {
			err = unix.Chmod(path, uint32(e.mode)&0o7777) // the kernel's bits, as written above
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unshareFlags are the options of unshare(1) for each type of namespace.
var unshareFlags = map[string]string{
	"network": "-n", "ipc": "-i", "uts": "-u", "pid": "-p", "cgroup": "-C", "time": "-T", "user": "-U", "mount": "-m",
}

// hold starts a process with namespaces of its own.
func (r *rig) hold(h *Holder) error {
	args := []string{"--fork", "--kill-child=KILL"}
	user := false
	for _, ns := range h.Namespaces {
		args = append(args, unshareFlags[ns])
		user = user || ns == "user"
	}
	r.holder = exec.Command("unshare", append(args, "sleep", "600")...)
	if err := r.holder.Start(); err != nil {
		return err
	}
	pid := r.holder.Process.Pid
	for range 2000 {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		child, err := strconv.Atoi(strings.TrimSpace(string(text)))
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
		if err == nil && string(comm) == "sleep\n" {
			r.holderPID = child
			break
		}
		time.Sleep(time.Millisecond)
	}
	if r.holderPID == 0 {
		return fmt.Errorf("no process after 2 s")
	}
	if !user {
		return nil
	}
	return r.mapHolder(h.Root)
}

func (r *rig) mapHolder(root int) error {
	for _, file := range []string{"uid_map", "gid_map"} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", r.holderPID, file), fmt.Appendf(nil, "0 %d 65536", root), 0); err != nil {
			return err
		}
	}
	return nil
}

// clear ends the holder and removes the files.
func (r *rig) clear() error {
	if r.holder != nil {
		if r.holderPID != 0 {
			unix.Kill(r.holderPID, unix.SIGKILL)
		}
		time.Sleep(time.Millisecond)
		r.holder.Process.Kill()
		r.holder.Wait()
		for range 200 { // it may have become our child
			if pid, err := unix.Wait4(r.holderPID, nil, unix.WNOHANG, nil); pid == r.holderPID || err == unix.ECHILD {
				break
			}
			time.Sleep(time.Millisecond)
		}
		r.holder, r.holderPID = nil, 0
	}
	harness.Reap() // orphans of a container in our pid namespace, whose init didn't wait for them
	if err := r.unflag(); err != nil {
		return err
	}
	return os.RemoveAll(r.dir)
}
