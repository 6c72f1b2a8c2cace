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

// liveName is what -only takes.
const liveName = "live"

const (
	// herdTime is the most that making a size's containers may take: a runtime that
	// needs longer stays at the size before, and the table says so.
	herdTime = 40 * time.Second
	// herders are at work at the same time.
	herders = 2
	// oneRounds is how many rounds what acts on one container gets for each of list's: a
	// tenth more or less is to be told there.
	oneRounds = 3
	// settleTime is for what the kernel still does for containers that came or went.
	settleTime = 2 * time.Second
)

// A herd is the live containers of one runtime. What is measured acts on the first.
type herd struct {
	rt    oci
	ids   []string
	spec  *specs.Spec
	each  time.Duration // to make one
	files chan stdio    // one per command at a time
	ended string        // why there aren't more
}

// liveContainers measures what acts on one container, or lists all, beside more and
// more live ones. They are made once and the sizes follow each other, so one
// container alone is measured at both ends: half of its rounds before and half
// after the others lived. What drifts meanwhile shows in neither direction.
func (b *bench) liveContainers() ([]curve, error) {
	herds, err := b.herds()
	if err != nil {
		return nil, err
	}
	curves := make([]curve, len(liveOperations))
	var alone []*trial
	for _, size := range tenfold {
		for _, rt := range b.runtimes() {
			if err := b.grow(herds[rt.name], int(size)); err != nil {
				return nil, err
			}
		}
		trials := b.liveTrials(herds, int(size))
		if alone == nil {
			alone = trials
		}
		if err := b.competeLive(trials); err != nil {
			return nil, err
		}
		for i, t := range trials {
			curves[i].Points = append(curves[i].Points, t.point())
		}
	}
	for _, rt := range b.runtimes() {
		if err := b.shrink(herds[rt.name]); err != nil {
			return nil, err
		}
	}
	if err := b.competeLive(alone); err != nil {
		return nil, err
	}
	for i := range curves {
		c := &curves[i]
		c.Subject, c.Unit, c.Operation = liveName, "live containers", liveOperations[i].name
		c.Points[0] = alone[i].point()
		c.fitAll()
	}
	return curves, nil
}

// liveOperations, list last, leave the container id as it is: a first process ignores SIGWINCH.
var liveOperations = []struct {
	name      string
	arguments func(id string) []string
}{
	{"state", func(id string) []string { return []string{"state", id} }},
	{"exec", func(id string) []string { return []string{"exec", id, "/bin/true"} }},
	{"kill", func(id string) []string { return []string{"kill", id, "WINCH"} }},
	{"list", func(string) []string { return []string{"list"} }},
}

// competeLive expects the trials in the order of liveOperations.
func (b *bench) competeLive(trials []*trial) error {
	time.Sleep(settleTime)
	list := len(trials) - 1
	if err := b.compete(oneRounds*b.growthRounds, trials[:list]); err != nil {
		return err
	}
	return b.compete(b.growthRounds, trials[list:])
}

func (b *bench) liveTrials(herds map[string]*herd, size int) []*trial {
	var trials []*trial
	for _, operation := range liveOperations {
		t := newTrial(operation.name, float64(size), func(rt oci) (sample, error) {
			return b.spawn(b.files, b.argv(rt, operation.arguments(herds[rt.name].ids[0])...), commandTime)
		})
		for name, h := range herds {
			if len(h.ids) < size {
				t.errors[name] = h.ended
			}
		}
		trials = append(trials, t)
	}
	return trials
}

func (b *bench) herds() (map[string]*herd, error) {
	files := make(chan stdio, herders)
	for i := range herders {
		f, err := plainFiles(b.dir + "/stderr-herder" + strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		files <- f
	}
	herds := map[string]*herd{}
	for _, rt := range b.runtimes() {
		dir := b.bundleDir(rt, liveName)
		h := &herd{rt: rt, files: files}
		err := bundle(b.rung, dir, "", "/bin/pause", func(s *specs.Spec) { h.spec = s })
		if err != nil {
			return nil, err
		}
		h.spec.Root.Path = filepath.Join(dir, h.spec.Root.Path)
		herds[rt.name] = h
	}
	return herds, nil
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
		return nil
	}
	h.ids = append(h.ids, made...)
	h.each = time.Since(begin) / time.Duration(len(made))
	if size == int(tenfold[len(tenfold)-1]) {
		fmt.Fprintf(os.Stderr, "%s: %d containers made in %.1f s\n", h.rt.name, len(made), time.Since(begin).Seconds())
	}
	return nil
}

// settle starts the container number i: a bundle, a cgroup and a state of its own,
// and a root filesystem that all share.
func (b *bench) settle(h *herd, i int) (string, error) {
	dir := b.bundleDir(h.rt, liveName) + "/" + strconv.Itoa(i)
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

// shrink leaves the first container of a herd alone. First processes are killed
// beforehand, as runc waits a tenth of a second for each that it kills itself.
func (b *bench) shrink(h *herd) error {
	begin, rest := time.Now(), h.ids[min(1, len(h.ids)):]
	for _, id := range rest {
		b.killCgroup("/sys/fs/cgroup/" + id)
	}
	err := inParallel(len(rest), func(i int) error {
		files := <-h.files
		defer func() { h.files <- files }()
		if _, err := b.spawn(files, b.argv(h.rt, "delete", "--force", rest[i]), commandTime); err != nil {
			return err
		}
		b.ended(rest[i])
		return nil
	})
	reapAll()
	fmt.Fprintf(os.Stderr, "%s: %d containers deleted in %.1f s\n", h.rt.name, len(rest), time.Since(begin).Seconds())
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
