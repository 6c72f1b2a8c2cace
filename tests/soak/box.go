package soak

import (
	"context"
	"encoding/json"
	"fmt"
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
	disk             string       // a file system of its own, where its state, pid file and log are; "": it has none
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

// create are the words that make the container.
func (b *box) create(verb ...string) []string {
	words := append(verb, "--bundle", b.bundle)
	if b.disk != "" {
		words = append(append([]string{"--log", b.disk + "/log"}, words...), "--pid-file", b.disk+"/pid")
	}
	return append(words, b.id)
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
	_, create, err := b.call(0, b.create("create")...)
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

// state is the container's status, and its first process.
func (b *box) state() (status string, pid int, err error) {
	text, _, err := b.call(0, "state", b.id)
	if err != nil {
		return "", 0, err
	}
	var s specs.State
	err = json.Unmarshal([]byte(text), &s)
	return string(s.Status), s.Pid, err
}

// until waits for a status.
func (b *box) until(want string) error {
	for end := time.Now().Add(bound); ; time.Sleep(5 * time.Millisecond) {
		status, _, err := b.state()
		if err != nil || status == want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the container is %s, want %s", status, want)
		}
	}
}
