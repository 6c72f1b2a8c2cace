package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// An act is something that is done with a container. It returns how long the runtime has taken.
type act struct {
	name   string
	weight int
	shared bool // others may do such a thing at once
	do     func(b *box) (time.Duration, error)
}

// says is a call that succeeds and says something.
func says(b *box, want string, args ...string) (time.Duration, error) {
	text, took, err := b.call(0, args...)
	if err == nil && !strings.Contains(text, want) {
		err = fmt.Errorf("%s says %.200q, want %q", strings.Join(args, " "), text, want)
	}
	return took, err
}

// killed is a call that is killed somewhere on its way, after which the container is made anew.
func killed(b *box, args ...string) (time.Duration, error) {
	_, _, _ = b.call(time.Duration(1+rand.IntN(40))*time.Millisecond, args...)
	if _, err := b.end(); err != nil {
		return 0, err
	}
	return b.begin()
}

var acts = []act{
	{"exec", 60, true, func(b *box) (time.Duration, error) { return says(b, "probed", "exec", b.id, "/bin/echo", "probed") }},
	{"state", 12, true, func(b *box) (time.Duration, error) { return says(b, `"status": "running"`, "state", b.id) }},
	{"ps", 3, true, func(b *box) (time.Duration, error) { return says(b, "sleep", "ps", b.id) }},
	{"stats", 5, true, func(b *box) (time.Duration, error) { return says(b, `"type":"stats"`, "events", "--stats", b.id) }},
	{"list", 2, true, func(b *box) (time.Duration, error) { return says(b, b.id, "list") }},
	{"update", 4, false, func(b *box) (time.Duration, error) {
		if harness.View() != "v2" {
			_, took, err := b.call(0, "update", "--cpu-share", fmt.Sprint(512+rand.IntN(1024)), b.id)
			return took, err
		}
		// The one controller that this machine has there.
		file := filepath.Join(b.bundle, "resources.json")
		text := fmt.Sprintf(`{"hugepageLimits":[{"pageSize":"2MB","limit":%d}]}`, (1+rand.IntN(9))<<21)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return 0, err
		}
		_, took, err := b.call(0, "update", "--resources", file, b.id)
		return took, err
	}},
	{"pause, resume", 4, false, func(b *box) (time.Duration, error) {
		_, pause, err := b.call(0, "pause", b.id)
		if err != nil {
			return 0, err
		}
		_, resume, err := b.call(0, "resume", b.id)
		return pause + resume, err
	}},
	{"kill, delete, create, start", 8, false, func(b *box) (time.Duration, error) {
		if _, _, err := b.call(0, "kill", b.id, "KILL"); err != nil {
			return 0, err
		}
		end, err := b.end()
		if err != nil {
			return 0, err
		}
		begin, err := b.begin()
		return end + begin, err
	}},
	{"run", 2, false, func(b *box) (time.Duration, error) {
		if _, err := b.end(); err != nil {
			return 0, err
		}
		_, run, err := b.call(0, b.create("run", "--detach")...)
		return run, err
	}},
	{"create, killed", 2, false, func(b *box) (time.Duration, error) {
		if _, err := b.end(); err != nil {
			return 0, err
		}
		return killed(b, b.create("create")...)
	}},
	{"delete, killed", 1, false, func(b *box) (time.Duration, error) { return killed(b, "delete", "--force", b.id) }},
	{"exec, killed", 2, false, func(b *box) (time.Duration, error) { return killed(b, "exec", b.id, "/bin/sleep", "1") }},
	{"out of memory", 1, false, func(b *box) (time.Duration, error) {
		// The program is killed, and no other; where there is no limit it ends by itself.
		_, took, _ := b.call(0, "exec", b.id, "/bin/sh", "-c", "x=x; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do x=$x$x; done")
		if _, err := b.end(); err != nil {
			return 0, err
		}
		_, err := b.begin()
		return took, err
	}},
	{"init killed", 2, false, func(b *box) (time.Duration, error) {
		_, pid, err := b.state()
		if err == nil {
			err = unix.Kill(pid, unix.SIGKILL)
		}
		if err == nil {
			err = b.until("stopped")
		}
		if err != nil {
			return 0, err
		}
		_, took, err := b.call(0, "delete", b.id)
		if err == nil {
			_, err = b.begin()
		}
		return took, err
	}},
	{fullDiskName, 1, false, fullDisk},
	{"daemon restarted", 2, false, restarted},
}
