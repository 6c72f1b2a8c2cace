package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/release"
)

// A view is what a mount namespace shows of the cgroups; script makes it.
type view struct{ name, script string }

var (
	native = view{"host's", ``}
	// The directory below the cgroup2 mount is on a tmpfs that all mount namespaces
	// share, and crun would fill it.
	onlyV1 = view{"v1", `umount /sys/fs/cgroup/unified && mount -t tmpfs none /sys/fs/cgroup/unified &&`}
	onlyV2 = view{"v2", `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&`}
)

// A part is measured by one process, in one view.
type part struct {
	name string
	view view
}

func parts(o *options) []part {
	hybrid := isCgroup("/sys/fs/cgroup/unified")
	var list []part
	timed := native
	if !isCgroup("/sys/fs/cgroup") {
		timed = onlyV2
	}
	if o.wantsAny(operations) {
		list = append(list, part{"time", timed})
	}
	if o.wantsAny(limits) {
		list = append(list, part{"limits", withLimits(hybrid)})
	}
	if o.wants("rss") {
		list = append(list, part{"rss", timed})
	}
	if o.wants("floor") {
		list = append(list, part{"floor", native})
		if hybrid {
			list = append(list, part{"floor", onlyV1})
		}
	}
	if o.wants(embeddedName) {
		list = append(list, part{embeddedName, timed})
	}
	if o.wants("rate") {
		list = append(list, part{"rate", timed})
	}
	// Last: the kernel takes a while to clean up after thousands of containers.
	if o.wantsAny(append(subjectNames(), "growth")) {
		list = append(list, part{"growth", timed})
	}
	return list
}

// withLimits is the view in which all runtimes find the controllers of limits: on
// hybrid hosts cgroup2 has none of them.
func withLimits(hybrid bool) view {
	if hybrid {
		return onlyV1
	}
	return native
}

// measure runs this program again in the part's view and adds its results.
func measure(o *options, p part, r *results) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	rd, wr, err := os.Pipe()
	if err != nil {
		return err
	}
	defer rd.Close()
	args := append([]string{"-m", "--propagation", "private", "sh", "-c", p.view.script + ` exec "$@"`, "sh", self},
		os.Args[1:]...)
	cmd := exec.Command("unshare", append(args, "-dir", o.dir, "-rung", o.rung, "-limit", o.limit, "-part", p.name, "-view", p.view.name)...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{wr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(c)
	if err := cmd.Start(); err != nil {
		wr.Close()
		return err
	}
	wr.Close()
	// The child cleans up.
	go func() {
		for s := range c {
			cmd.Process.Signal(s)
		}
	}()
	var text bytes.Buffer
	_, readErr := text.ReadFrom(rd)
	if err := cmd.Wait(); err != nil {
		return err
	}
	if readErr != nil {
		return readErr
	}
	var got results
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		return fmt.Errorf("read the results: %w", err)
	}
	r.add(&got)
	return nil
}

// child measures one part. Bundles and state are on a tmpfs, so that no runtime
// pays for a disk; it goes with this process's mount namespace.
func child(o *options) error {
	// Not on the directory itself: rung's binary is there.
	o.dir += "/tmpfs"
	if err := os.MkdirAll(o.dir, 0o711); err != nil {
		return err
	}
	if err := unix.Mount("bench", o.dir, "tmpfs", 0, "mode=711"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	// Containers that outlive their `create` become this process's children.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.clean()
	r := new(results)
	switch o.part {
	case "time":
		err = b.time(r, operations)
	case "limits":
		err = b.time(r, limits)
	case "rss":
		err = b.memory(r)
	case "floor":
		err = b.floor(r)
	case "growth":
		err = b.growth(r)
	case embeddedName:
		err = b.embedded(r)
	case "rate":
		err = b.rate(r)
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = os.NewFile(3, "results").Write(data)
	return err
}

// build compiles rung as a release is compiled.
func build(out string) error {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}")
	dir, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd = exec.Command("go", "build", "-trimpath", "-tags", release.Tags, "-ldflags", release.LinkFlags(runtime.GOARCH), "-o", out, ".")
	cmd.Dir = filepath.Dir(string(bytes.TrimSpace(dir)))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build rung: %w\n%s", err, text)
	}
	return nil
}
