package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A box is a container that is there while nothing is under way with it.
type box struct {
	id, bundle, root string
	mu               sync.RWMutex // write: its state changes
}

// newBox writes a bundle that shares its root filesystem with the others.
func newBox(dir string, template *harness.Bundle) (*box, error) {
	b := &box{id: harness.Unique(), root: template.Root}
	b.bundle = filepath.Join(dir, b.id)
	s := *template.Spec
	linux := *s.Linux
	linux.CgroupsPath = "/" + b.id
	s.Linux, s.Root = &linux, &specs.Root{Path: template.Rootfs, Readonly: true}
	text, err := json.Marshal(&s)
	if err == nil {
		err = os.Mkdir(b.bundle, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(b.bundle, "config.json"), text, 0o644)
	}
	return b, err
}

// bound is how long a call may take on a machine that has other things to do.
const bound = time.Minute

// call makes a call of the runtime. It is killed after a while if that isn't 0.
func (b *box) call(kill time.Duration, args ...string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Runtime(), append([]string{"--root", b.root}, args...)...)
	out, err := os.CreateTemp("", "rung-soak-")
	if err != nil {
		return "", 0, err
	}
	defer out.Close()
	defer os.Remove(out.Name())
	cmd.Stdout, cmd.Stderr = out, out // files: a container keeps pipes open
	begin := time.Now()
	if err := own.start(cmd); err != nil {
		return "", 0, err
	}
	if kill > 0 {
		time.AfterFunc(kill, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	}
	err = own.wait(cmd)
	took := time.Since(begin)
	text, _ := os.ReadFile(out.Name())
	if err != nil && kill == 0 {
		err = fmt.Errorf("%s after %v: %w: %s", strings.Join(args, " "), took.Round(time.Millisecond), err, text)
	}
	return string(text), took, err
}

// begin creates and starts the container.
func (b *box) begin() (time.Duration, error) {
	_, create, err := b.call(0, "create", "--bundle", b.bundle, b.id)
	if err != nil {
		return 0, err
	}
	_, start, err := b.call(0, "start", b.id)
	return create + start, err
}

// end removes the container, whatever it is.
func (b *box) end() (time.Duration, error) {
	_, took, err := b.call(0, "delete", "--force", b.id)
	return took, err
}

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
		_, run, err := b.call(0, "run", "--detach", "--bundle", b.bundle, b.id)
		return run, err
	}},
	{"create, killed", 2, false, func(b *box) (time.Duration, error) {
		if _, err := b.end(); err != nil {
			return 0, err
		}
		return killed(b, "create", "--bundle", b.bundle, b.id)
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
}
