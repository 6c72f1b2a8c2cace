package soak

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// count is what there is of ours while nothing is under way; what is about to go has a little time for it.
func (s *soak) count(root string) map[string]int {
	var counts map[string]int
	for range 20 {
		now := harness.Take().Count()
		s.files(now, root)
		if *minutes < 1 { // beside tests of other packages, whose programs these may be: nothing says whose one is
			delete(now, "device")
		}
		fds, _ := os.ReadDir("/proc/self/fd")
		now["descriptors"] = len(fds)
		if counts != nil && maps.Equal(counts, now) {
			break
		}
		counts = now
		time.Sleep(100 * time.Millisecond)
	}
	return counts
}

// files counts what is in state directories, and what is used of the disks: inodes, and pages of memory.
func (s *soak) files(now map[string]int, root string) {
	for _, b := range s.boxes {
		if b.disk == "" {
			continue
		}
		var fs unix.Statfs_t
		if unix.Statfs(b.disk, &fs) == nil {
			now["inodes of disks"] += int(fs.Files - fs.Ffree)
			now["pages of disks"] += int(fs.Blocks - fs.Bfree)
		}
		if st, err := os.Stat(b.disk + "/log"); err == nil { // which grows by nature
			now["pages of disks"] -= int((st.Size() + 4095) / 4096)
		}
	}
	_ = filepath.WalkDir(root, func(string, fs.DirEntry, error) error { now["state files"]++; return nil })
}

// objects are kinds of the kernel's own that nothing but their users keeps: what a container's leftovers would be in the
// memory of the machine. (Those of files and their names are kept for later use, and say nothing.)
var objects = []string{"mnt_cache", "net_namespace", "pid_namespace", "user_namespace", "task_struct", "filp", "key_jar", "kernfs_node_cache", "shmem_inode_cache"}

// kernel is what there is of the whole machine, whoever has it: objects, cgroups with those that are dying, programs, and
// memory in KiB that the kernel can't take back.
func kernel() map[string]int {
	counts := map[string]int{}
	eachLine("/proc/slabinfo", func(line string) {
		for _, name := range objects {
			var active int
			if n, _ := fmt.Sscanf(line, name+" %d", &active); n == 1 {
				counts[name] = active
			}
		}
	})
	eachLine("/proc/cgroups", func(line string) {
		var name string
		var hierarchy, n int
		if _, err := fmt.Sscan(line, &name, &hierarchy, &n); err == nil && hierarchy > 0 {
			counts["cgroups of "+name] = n
		}
	})
	for _, dir := range harness.CgroupDirs("/") {
		eachLine(dir+"cgroup.stat", func(line string) {
			var n int
			if _, err := fmt.Sscanf(line, "nr_dying_descendants %d", &n); err == nil {
				counts["dying cgroups of v2"] = n
			}
		})
	}
	eachLine("/proc/meminfo", func(line string) {
		var n int
		if _, err := fmt.Sscanf(line, "SUnreclaim: %d kB", &n); err == nil {
			counts["KiB of the kernel's"] = n
		}
	})
	counts["programs of BPF"] = harness.Programs()
	return counts
}

func eachLine(path string, do func(line string)) {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		do(line)
	}
}

// leak is how many times the acts that were done the kernel's objects may have grown: others make some too, and what goes
// goes late, but what each call leaves is as many as there are calls.
const leak = 0.1

// grown says what there is more of than the acts since allow.
func grown(first, now map[string]int, acts int) (list []string) {
	for what, n := range now {
		per, least := 1.0, 300.0
		switch {
		case strings.HasPrefix(what, "KiB"):
			per, least = 4, 64<<10
		case what == "kernfs_node_cache": // a cgroup has some ten files
			per, least = 10, 5000
		case what == "filp":
			least = 2000 // those of other programs come and go
		case strings.HasPrefix(what, "cgroups of"), strings.HasPrefix(what, "dying"):
			least = 1000 // which the kernel keeps while memory is charged to them
		}
		if float64(n-first[what]) > least+per*leak*float64(acts) {
			list = append(list, fmt.Sprintf("%d of %s, there were %d", n, what, first[what]))
		}
	}
	return list
}
