package security

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// cgroupMount is what engines mount of cgroups.
func cgroupMount(option string) harness.Edit {
	return func(s *specs.Spec) {
		harness.DropMount("/sys/fs/cgroup")(s)
		harness.AddMount(specs.Mount{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "relatime", option},
		})(s)
	}
}

// cgroupNS gives the container a cgroup namespace, or takes it away.
func cgroupNS(own bool) harness.Edit {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.CgroupNamespace })
		if own {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
		}
	}
}

// writeAll tries to change every cgroup file system that the container sees.
const writeAll = `
for d in $(awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts); do
	echo mount $d $(awk -v d=$d '$2 == d {print $4}' /proc/mounts)
	mkdir $d/NAME 2>/dev/null && echo wrote $d/NAME
	for f in $d/*; do
		case $f in
		*/release_agent|*/notify_on_release|*/cgroup.procs|*/tasks|*/cgroup.subtree_control|*/devices.allow|*/cgroup.max.depth) ;;
		*) continue ;;
		esac
		[ -f $f ] || continue
		(cat $f >$f) 2>/dev/null && echo wrote $f
	done
done
echo done`

// CVE-2023-25809, CVE-2022-0492: without a cgroup namespace the mounts are the
// host's, and a container that asked for read-only ones can't write to them, nor
// to what is mounted below.
func TestCgroupMountReadOnly(t *testing.T) {
	all := harness.Capabilities("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_MKNOD")
	for name, edits := range map[string][]harness.Edit{
		"root":                        {all, cgroupNS(false)},
		"root, own namespace":         {all, cgroupNS(true)},
		"user namespace":              {all, harness.MappedRoot, cgroupNS(false)},
		"user and cgroup namespace":   {all, harness.MappedRoot, cgroupNS(true)},
		"user namespace, no new caps": {harness.MappedRoot, cgroupNS(false)},
	} {
		t.Run(name, func(t *testing.T) {
			made := harness.Unique()
			b := harness.New(t, append(edits, cgroupMount("ro"), harness.Shell(strings.ReplaceAll(writeAll, "NAME", made)))...)
			b.Chown(t)
			r := b.Container(t, "run")
			mounts := 0
			for line := range strings.Lines(r.Stdout) {
				f := strings.Fields(line)
				switch f[0] {
				case "mount":
					mounts++
					if !slices.Contains(strings.Split(f[2], ","), "ro") {
						t.Errorf("not read-only: %s", line)
					}
				case "wrote":
					t.Errorf("written: %s", f[1])
				}
			}
			if mounts == 0 || !strings.HasSuffix(r.Stdout, "done\n") {
				t.Errorf("want mounts of cgroups: %v", r)
			}
		})
	}
}

// With a cgroup namespace and a writable mount the own subtree is all there is.
func TestCgroupMountWritable(t *testing.T) {
	if harness.View() != harness.V2 {
		t.Skip("cgroup v1 can't be delegated")
	}
	made := harness.Unique()
	b := harness.New(t, cgroupNS(true), cgroupMount("rw"), harness.Shell("mkdir /sys/fs/cgroup/"+made+"; sleep 60"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	b.WaitPS(t, "sleep 60")
	root := harness.CgroupDirs("")[0]
	found := 0
	filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == made {
			found++
			if filepath.Dir(path) != filepath.Clean(root)+"/"+b.ID {
				t.Errorf("made %s", path)
			}
		}
		return nil
	})
	if found != 1 {
		t.Errorf("%d directories, want the one below the container's cgroup", found)
	}
	b.End(t, pid)
}

// GHSA-g54h-m393-cpwq: a list of device rules that begins with no denial denies
// all the same what it doesn't allow.
func TestDevicesAreDenied(t *testing.T) {
	rule := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(int64(1)), Minor: new(int64(3)), Access: "rwm"}
	for name, rules := range map[string][]specs.LinuxDeviceCgroup{"one": {rule}, "none": nil} {
		b := harness.New(t, harness.Capabilities("CAP_MKNOD"), func(s *specs.Spec) {
			s.Root.Readonly = false
			s.Linux.Resources.Devices = rules
		}, harness.Shell(`mknod /tmp/d b 254 0 && mknod /tmp/k c 1 11 && mknod /tmp/n c 1 3 || echo no nodes
for d in d k; do dd if=/tmp/$d of=/dev/null bs=1 count=1 2>&1 | grep -i "$d'*: "; done; echo x >/tmp/n && echo null; sleep 60`))
		pid, r := b.Create(t)
		b.Must(t, "start")
		b.WaitPS(t, "sleep 60")
		out := r.Reread(t)
		if strings.Count(out, "Operation not permitted") != 2 || !strings.HasSuffix(out, "null\n") || strings.Contains(out, "no nodes") {
			t.Errorf("%s: want two denials and null: %q", name, out)
		}
		for _, dir := range harness.CgroupDirs(b.ID) {
			text, err := os.ReadFile(dir + "/devices.list")
			if err == nil && strings.HasPrefix(string(text), "a ") {
				t.Errorf("%s: devices.list is %q", name, text)
			}
		}
		b.End(t, pid)
	}
}

// Paths and names that would lead out of the place for a container's cgroup.
func TestCgroupPaths(t *testing.T) {
	id := harness.Unique()
	for _, path := range []string{
		"/../../../../tmp/" + id, id + "/../../..", "../" + id, "/" + id + "/..", "/" + id + "/../../x" + id, "//", "/", ".", "/" + strings.Repeat(id+"/", 400),
		"/" + id + strings.Repeat("x", 300), "/" + id + "\n", "/" + id + "\x00", "/" + id + "\n0::/",
	} {
		b := harness.New(t, func(s *specs.Spec) {})
		b.Spec.Linux.CgroupsPath = path
		b.Save(t)
		r := b.Container(t, "create")
		if r.Code != 1 || !strings.Contains(r.Stderr, "linux.cgroupsPath") || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%.80q: want an error for linux.cgroupsPath: %v", path, r)
		}
	}
	for name, edit := range map[string]func(*specs.LinuxResources){
		"hugepageLimits[0]": func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "../../cgroup.procs", Limit: 1}}
		},
		`unified["../cgroup.procs"]`: func(r *specs.LinuxResources) { r.Unified = map[string]string{"../cgroup.procs": "1"} },
		`unified["a/b"]`:             func(r *specs.LinuxResources) { r.Unified = map[string]string{"a/b": "1"} },
		`unified[".."]`:              func(r *specs.LinuxResources) { r.Unified = map[string]string{"..": "1"} },
		`unified[""]`:                func(r *specs.LinuxResources) { r.Unified = map[string]string{"": "1"} },
		`unified["cgroup.procs"]`:    func(r *specs.LinuxResources) { r.Unified = map[string]string{"cgroup.procs": fmt.Sprint(os.Getpid())} },
		`unified["cgroup.threads"]`: func(r *specs.LinuxResources) {
			r.Unified = map[string]string{"cgroup.threads": fmt.Sprint(os.Getpid())}
		},
	} {
		b := harness.New(t, func(s *specs.Spec) { edit(s.Linux.Resources) })
		r := b.Container(t, "create")
		if r.Code != 1 || !strings.Contains(strings.ReplaceAll(r.Stderr, `\`, ""), "linux.resources."+name) {
			t.Errorf("%s: want an error for it: %v", name, r)
		}
	}
}
