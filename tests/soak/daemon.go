package soak

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// daemonEnv has a line of words for the process that is a daemon: a file to make when its container runs, what creates that,
// what starts it, and what probes it, between newlines.
const daemonEnv = "RUNG_SOAK_DAEMON"

// daemon is the process: a subreaper, as engines are, that makes a container and looks after it until somebody ends it.
func daemon() error {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	script := strings.Split(os.Getenv(daemonEnv), "\n")
	call := func(line string) error {
		words := strings.Split(line, " ")
		return exec.Command(words[0], words[1:]...).Run() // its standard streams are /dev/null
	}
	for _, line := range script[1:3] {
		if err := call(line); err != nil {
			return err
		}
	}
	if err := os.WriteFile(script[0], nil, 0o644); err != nil {
		return err
	}
	for {
		if err := call(script[3]); err != nil {
			return err
		}
	}
}

// restarted has a daemon make the container, and be killed: alone, once the container runs, which others look after then,
// or with the calls that it has made, at any time.
func restarted(b *box) (time.Duration, error) {
	if _, err := b.end(); err != nil {
		return 0, err
	}
	begin := filepath.Join(b.bundle, "begun")
	line := func(words ...string) string {
		return strings.Join(append([]string{harness.Runtime(), "--root", b.root}, words...), " ")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), daemonEnv+"="+strings.Join([]string{
		begin, line(b.create("create")...), line("start", b.id), line("exec", b.id, "/bin/true"),
	}, "\n"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // containers have sessions of their own
	if err := own.start(cmd); err != nil {
		return 0, err
	}
	pid := cmd.Process.Pid
	alone := rand.IntN(2) == 0
	if alone {
		if err := awaitFile(begin); err != nil {
			return 0, errors.Join(err, unix.Kill(-pid, unix.SIGKILL), own.wait(cmd))
		}
		_ = unix.Kill(pid, unix.SIGKILL)
	} else {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond) // at any time
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
	_ = own.wait(cmd)
	_, err := os.Stat(begin)
	_ = os.Remove(begin)
	if err == nil { // the container has outlived who made it
		if took, err := says(b, "probed", "exec", b.id, "/bin/echo", "probed"); err != nil {
			return took, fmt.Errorf("after its daemon's end: %w", err)
		}
		return says(b, `"status": "running"`, "state", b.id)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if _, err := b.end(); err != nil {
		return 0, err
	}
	return b.begin()
}

func awaitFile(path string) error {
	for end := time.Now().Add(bound); ; time.Sleep(2 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil || time.Now().After(end) {
			return err
		}
	}
}
