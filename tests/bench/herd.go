package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sync/errgroup"
)

const (
	// herdTime is the most that making a size's containers may take: a runtime that
	// needs longer stays at the size before, and the table says so.
	herdTime = 40 * time.Second
	// herders are at work at the same time.
	herders = 2
)

// A herd is live containers of one runtime, in one state directory.
type herd struct {
	rt    oci
	dir   string // of the bundles
	spec  *specs.Spec
	files chan stdio // one per command at a time
	ids   []string
	each  time.Duration // to make one
	ended string        // why there aren't more
}

// herd makes an empty herd of a runtime, whose state directory gets a suffix.
func (b *bench) herd(rt oci, suffix string) (*herd, error) {
	rt.root += suffix
	h := &herd{rt: rt, dir: b.bundleDir(rt, liveName+suffix), files: make(chan stdio, herders)}
	if err := bundle(b.rung, h.dir, "", "/bin/pause", func(s *specs.Spec) { h.spec = s }); err != nil {
		return nil, err
	}
	h.spec.Root.Path = filepath.Join(h.dir, h.spec.Root.Path)
	for i := range herders {
		f, err := plainFiles(h.dir + "/stderr" + strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		h.files <- f
	}
	return h, nil
}

// grow makes containers until there are so many, or tells in h.ended why not.
func (b *bench) grow(h *herd, size int) error {
	have := len(h.ids)
	if h.ended == "" && h.each*time.Duration(size-have) > herdTime {
		h.ended = fmt.Sprintf("capped at %d containers: %d more would take %.0f s to make, %.0f at most",
			have, size-have, (h.each * time.Duration(size-have)).Seconds(), herdTime.Seconds())
	}
	if h.ended != "" {
		return nil
	}
	begin := time.Now()
	made := make([]string, size-have)
	err := inParallel(len(made), func(i int) (err error) {
		made[i], err = b.settle(h, have+i)
		return err
	})
	if errors.Is(err, errInterrupted) {
		return err
	}
	if err != nil {
		// The ones that were made live on, but aren't of this size.
		h.ended = err.Error()
		return nil //nolint:nilerr // the herd knows, and the others go on
	}
	h.ids = append(h.ids, made...)
	h.each = time.Since(begin) / time.Duration(len(made))
	if size == int(tenfold[len(tenfold)-1]) {
		fmt.Fprintf(os.Stderr, "%s: %d more live containers made in %.1f s\n", h.rt.name, len(made), time.Since(begin).Seconds())
	}
	return nil
}

// settle starts the container number i: a bundle, a cgroup and a state of its own,
// and a root filesystem that all share.
func (b *bench) settle(h *herd, i int) (string, error) {
	dir := h.dir + "/" + strconv.Itoa(i)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	id := b.id(h.rt)
	s, l := *h.spec, *h.spec.Linux
	l.CgroupsPath, s.Linux = "/"+id, &l
	if err := writeConfig(dir, &s); err != nil {
		return "", err
	}
	files := <-h.files
	defer func() { h.files <- files }()
	_, err := b.spawn(files, b.argv(h.rt, "run", "--detach", "--bundle", dir, id), commandTime)
	return id, err
}

// disband deletes a herd. First processes are killed beforehand, as runc waits a
// tenth of a second for each that it kills itself.
func (b *bench) disband(h *herd) error {
	begin := time.Now()
	for _, id := range h.ids {
		b.killCgroup("/sys/fs/cgroup/" + id)
	}
	err := inParallel(len(h.ids), func(i int) error {
		files := <-h.files
		defer func() { h.files <- files }()
		if _, err := b.spawn(files, b.argv(h.rt, "delete", "--force", h.ids[i]), commandTime); err != nil {
			return err
		}
		b.ended(h.ids[i])
		return nil
	})
	fmt.Fprintf(os.Stderr, "%s: %d live containers deleted in %.1f s\n", h.rt.name, len(h.ids), time.Since(begin).Seconds())
	return err
}

// inParallel does something with the numbers below n, some of them at the same time.
func inParallel(n int, do func(int) error) error {
	var group errgroup.Group
	group.SetLimit(herders)
	for i := range n {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// reapAll waits for first processes that ended. No command may be running.
func reapAll() {
	for range math.MaxInt16 {
		if pid, err := wait(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}
