package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// tiny mounts a tmpfs with limits that lasts as long as the test.
func tiny(t *testing.T, options string) string {
	t.Helper()
	dir := harness.TempDir(t)
	harness.IgnoreMounts(dir)
	if err := unix.Mount("none", dir, "tmpfs", 0, "mode=711,"+options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all space and all inodes.
func fill(t *testing.T, dir string) (undo func()) {
	t.Helper()
	var names []string
	f, err := os.Create(dir + "/full")
	if err == nil {
		names = append(names, f.Name())
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		f.Close()
	}
	for i := range 4096 {
		name := fmt.Sprintf("%s/full%d", dir, i)
		if f, err := os.Create(name); err == nil {
			names = append(names, name)
			f.Close()
			continue
		}
		break
	}
	return func() {
		for _, name := range names {
			os.Remove(name)
		}
	}
}

// Catalogue row 5: no space, or no inodes, for the state. Create works or is an
// error that leaves nothing.
func TestFullStateDirectory(t *testing.T) {
	harness.Once(t)
	var options []string
	for n := 1; n <= 14; n++ {
		options = append(options, fmt.Sprintf("size=1m,nr_inodes=%d", n))
	}
	for n := 1; n <= 12; n++ {
		options = append(options, fmt.Sprintf("size=%dk,nr_inodes=64", 4*n))
	}
	worked := 0
	for _, o := range options {
		b := sleeper(t)
		b.Root = filepath.Join(tiny(t, o), "run")
		inv := harness.Take()
		r := b.Container(t, "create")
		switch {
		case r.Code == 0:
			worked++
			b.Must(t, "start")
			b.Must(t, "kill", "KILL")
			harness.Reap()
		case strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, "no space left on device"):
			t.Errorf("%s: want one line, no space left on device: %v", o, r)
		default:
			for _, line := range inv.Left(b) {
				t.Errorf("%s: left by the failed create: %s", o, line)
			}
		}
		remove(t, b, inv, o)
	}
	t.Logf("%d limits, create worked with %d", len(options), worked)
	if worked == 0 || worked == len(options) {
		t.Errorf("%d of %d limits worked: the limits prove nothing", worked, len(options))
	}
}

// Row 5: state, kill and delete work with a full disk.
func TestFullDiskVerbs(t *testing.T) {
	for _, force := range []bool{false, true} {
		b := sleeper(t)
		dir := tiny(t, "size=256k,nr_inodes=64")
		b.Root = filepath.Join(dir, "run")
		inv := harness.Take()
		pid, _ := b.Create(t)
		undo := fill(t, dir)
		b.Must(t, "start")
		if st := status(t, b); st != "running" {
			t.Errorf("state %s, want running", st)
		}
		if !force {
			b.Must(t, "kill", "KILL")
			harness.Wait(t, pid)
			b.Must(t, "delete")
		}
		remove(t, b, inv, "full disk")
		undo()
	}
}

// Row 5: pid file and log on a full disk. Without its pid file an engine doesn't
// know the container: create fails and leaves nothing. Without a log it works,
// or says why not.
func TestFullPidFileAndLog(t *testing.T) {
	harness.Once(t)
	full := tiny(t, "size=16k,nr_inodes=16")
	fill(t, full)
	readonly := tiny(t, "size=16k,ro")
	for _, dir := range []string{full, readonly, "/proc/self", "/none/such", full + "/full"} {
		b := sleeper(t)
		inv := harness.Take()
		r := b.Container(t, "create", "--pid-file", dir+"/pid")
		if r.Code != 1 || !strings.Contains(r.Stderr, "pid file") {
			t.Errorf("pid file in %s: want an error about it: %v", dir, r)
		}
		if st := status(t, b); st != "none" {
			t.Errorf("pid file in %s: state %s, want none", dir, st)
		}
		remove(t, b, inv, "pid file in "+dir)
	}
	for _, log := range []string{full + "/log", full + "/full", "/dev/full", readonly + "/log"} {
		b := sleeper(t, harness.Args("/bin/true"))
		call := b.Cmd("run")
		call.Args = append([]string{"--log", log}, call.Args...)
		if r := call.Run(t); r.Code != 0 && r.Stderr == "" {
			t.Errorf("log %s: %v", log, r)
		}
		b = sleeper(t, harness.Args("/none"))
		call = b.Cmd("run")
		call.Args = append([]string{"--log", log}, call.Args...)
		if r := call.Run(t); r.Code != 1 || r.Stderr == "" {
			t.Errorf("log %s: want the error on stderr still: %v", log, r)
		}
	}
}

// Row 5: a read-only state directory. Verbs that only look work.
func TestReadonlyStateDirectory(t *testing.T) {
	b := sleeper(t)
	dir := tiny(t, "size=1m")
	b.Root = filepath.Join(dir, "run")
	inv := harness.Take()
	b.Create(t)
	b.Must(t, "start")
	remount := func(flags uintptr) {
		var err error = unix.EBUSY
		// The kernel lets go of the files of a process that has just called execve a
		// moment after the call that tells us so.
		for end := time.Now().Add(5 * time.Second); errors.Is(err, unix.EBUSY) && time.Now().Before(end); time.Sleep(time.Millisecond) {
			err = unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|flags, "mode=711,size=1m")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	if st := status(t, b); st != "running" {
		t.Errorf("state %s, want running", st)
	}
	other := sleeper(t)
	other.Root = b.Root
	other.Container(t, "create").Fails(t, 1, "read-only file system")
	b.Must(t, "kill", "KILL")
	b.WaitStatus(t, specs.StateStopped)
	b.Run(t, "delete", b.ID).Fails(t, 1, "read-only file system")
	remount(0)
	b.Must(t, "delete")
	remove(t, b, inv, "read-only")
}
