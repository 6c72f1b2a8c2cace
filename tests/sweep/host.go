package sweep

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A host is what a call must not change of it, by name: mounts with all their flags, devices' files, the bundle's files,
// the state directory, the caller's limits and places, and network devices.
type host map[string]string

func (s *sweep) look() host {
	h := host{}
	text, _ := os.ReadFile("/proc/thread-self/mountinfo")
	for line := range strings.Lines(string(text)) {
		h["mount "+line] = "there"
	}
	files(h, "/dev", func(path string) bool { return path == "/dev/pts" || path == "/dev/shm" })
	files(h, s.b.Dir, func(path string) bool { return path == s.pidFile() })
	h[s.b.Root] = mode(s.b.Root)
	for _, file := range []string{"limits", "cgroup", "oom_score_adj", "loginuid"} {
		text, _ := os.ReadFile("/proc/self/" + file)
		h["the caller's "+file] = string(text)
	}
	text, _ = os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); slices.Contains([]string{"Umask", "NoNewPrivs", "Seccomp", "CapEff", "CapBnd", "Groups", "SigIgn"}, name) {
			h["the caller's "+name] = value
		}
	}
	for name, how := range interfaces() {
		if name != device { // which has rules of its own
			h["network device "+name] = how
		}
	}
	return h
}

// files notes those of a tree.
func files(h host, root string, skip func(path string) bool) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			h[path] = err.Error()
		case !skip(path):
			h[path] = mode(path)
		case d.IsDir():
			return fs.SkipDir
		}
		return nil
	})
}

func mode(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	size := st.Size
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		size = 0
	}
	return fmt.Sprintf("mode %o owner %d:%d device %x size %d", st.Mode, st.Uid, st.Gid, st.Rdev, size)
}

// differs says what isn't as it was.
func (h host) differs(now host) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if now[name] != h[name] {
			list = append(list, fmt.Sprintf("%s was %s, is %q", name, h[name], now[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, was := h[name]; !was {
			list = append(list, fmt.Sprintf("%s is new: %s", name, now[name]))
		}
	}
	return strings.Join(list, "; ")
}
