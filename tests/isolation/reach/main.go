// Reach is run in a container, as its program, and prints what it can see and do there: one thing on a line. What it
// tries it takes back, or does to itself.
//
//	reach HOST-NAMESPACE...   as readlink(1) shows the host's, in /proc/PID/ns
//	reach nothing             ends
package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// can is what can be done, once each.
var can = map[string]bool{}

func say(format string, args ...any) { can[fmt.Sprintf(format, args...)] = true }

func main() {
	if len(os.Args) == 2 && os.Args[1] == "nothing" {
		return
	}
	runtime.LockOSThread()
	descriptors() // before anything is opened
	credentials()
	namespaces(os.Args[1:])
	mounts()
	files("/proc", true)
	files("/sys", false)
	devices()
	sockets()
	keys()
	limits()
	calls()
	var lines []string
	for what := range can {
		lines = append(lines, what)
	}
	slices.Sort(lines)
	w := bufio.NewWriter(os.Stdout)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	if err := w.Flush(); err != nil {
		os.Exit(1)
	}
}

// descriptors are those that nobody has asked for.
func descriptors() {
	for fd := 3; fd < 1024; fd++ {
		to, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil || strings.HasPrefix(to, "anon_inode:[event") { // Go's own poller
			continue
		}
		say("has a descriptor of %s", to)
	}
}

// credentials are capabilities, and what may add to them.
func credentials() {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
			set, _ := strconv.ParseUint(value, 16, 64)
			for bit := range 64 {
				if set>>bit&1 != 0 {
					say("capability %d in %s", bit, name)
				}
			}
		case "NoNewPrivs":
			if value == "0" {
				say("may gain privileges by execve")
			}
		case "Seccomp":
			if value == "0" {
				say("has no filter of system calls")
			}
		case "Groups":
			for g := range strings.FieldsSeq(value) {
				say("is in group %s", g)
			}
		}
	}
}

func namespaces(hosts []string) {
	list, _ := os.ReadDir("/proc/self/ns")
	for _, e := range list {
		if own, err := os.Readlink("/proc/self/ns/" + e.Name()); err == nil && slices.Contains(hosts, own) {
			say("shares the host's namespace %s", e.Name())
		}
	}
}

// mounts are what mounts allow.
func mounts() {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if len(f) < 7 || dash < 6 {
			continue
		}
		at, flags := f[4], strings.Split(f[5], ",")
		for flag, allows := range map[string]string{"nosuid": "set-user-id programs", "nodev": "devices", "noexec": "programs", "ro": "writing"} {
			if !slices.Contains(flags, flag) {
				say("the mount at %s allows %s", at, allows)
			}
		}
		for _, peer := range f[6:dash] {
			kind, _, _ := strings.Cut(peer, ":")
			say("the mount at %s is %s", at, map[string]string{"shared": "shared with others", "master": "a slave of others"}[kind])
		}
	}
}

// filling has in it what others have locked just now, often nothing. (An empty file is else one that is masked.)
const filling = "/proc/locks"

// files are those below a directory of the kernel's that can be opened for writing, and those that can be read.
func files(root string, reading bool) {
	_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return filepath.SkipDir
		}
		if d.IsDir() {
			if _, err := strconv.Atoi(d.Name()); err == nil && filepath.Dir(path) == "/proc" || path == "/proc/self/task" || path == "/proc/thread-self" {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Type()&^os.ModeDevice&^os.ModeCharDevice != 0 { // links lead elsewhere
			return nil
		}
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
			say("write %s", path)
		}
		if !reading {
			return nil
		}
		if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
			if n, err := unix.Read(fd, make([]byte, 64)); n > 0 || err == unix.EAGAIN || err == nil && path == filling {
				say("read %s", path)
			}
			unix.Close(fd)
		}
		return nil
	})
}

func limits() {
	for name, which := range map[string]int{
		"CORE": unix.RLIMIT_CORE, "MEMLOCK": unix.RLIMIT_MEMLOCK, "NICE": unix.RLIMIT_NICE, "RTPRIO": unix.RLIMIT_RTPRIO, "MSGQUEUE": 12, "SIGPENDING": 11,
	} {
		var l unix.Rlimit
		if unix.Getrlimit(which, &l) == nil && l.Max > 0 {
			say("limit RLIMIT_%s is %d", name, l.Max)
		}
	}
}
