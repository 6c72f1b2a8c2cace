package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// growth measures how times grow, subject by subject, live containers last.
func (b *bench) growth(r *results) error {
	// The collector must not run beside a command that is measured.
	debug.SetGCPercent(-1)
	for _, s := range subjects {
		if !b.wants(s.name) && !b.wants("growth") {
			continue
		}
		begin := time.Now()
		c, err := b.runs(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.Curves = append(r.Curves, c)
		progress(s.name, begin)
	}
	if !b.wants(liveName) && !b.wants("growth") {
		return nil
	}
	begin := time.Now()
	curves, err := b.liveContainers()
	if err != nil {
		return fmt.Errorf("%s: %w", liveName, err)
	}
	r.Curves = append(r.Curves, curves...)
	progress(liveName, begin)
	return nil
}

func progress(name string, begin time.Time) {
	fmt.Fprintf(os.Stderr, "growth by %s: %.1f s\n", name, time.Since(begin).Seconds())
}

// runs measures `run` of a bundle per size of a subject.
func (b *bench) runs(s subject) (curve, error) {
	c := curve{Subject: s.name, Unit: s.unit, Operation: "run"}
	var trials []*trial
	for _, size := range s.sizes {
		kind := s.name + strconv.FormatFloat(size, 'g', -1, 64)
		if err := b.sizedBundles(s, kind, size); err != nil {
			return c, err
		}
		trials = append(trials, newTrial("run", size, func(rt oci) (sample, error) {
			return b.runOnce(rt, b.files, b.bundleDir(rt, kind))
		}))
	}
	if err := b.compete(b.growthRounds, trials); err != nil {
		return c, err
	}
	for _, t := range trials {
		c.Points = append(c.Points, t.point())
	}
	c.fitAll()
	return c, nil
}

// runOnce runs a bundle whose program ends by itself.
func (b *bench) runOnce(rt oci, files stdio, dir string) (sample, error) {
	id := b.id(rt)
	got, err := b.spawn(files, b.argv(rt, "run", "--bundle", dir, id), commandTime)
	if err != nil {
		b.forget(id, rt)
		return got, err
	}
	b.ended(id)
	return got, nil
}

func (b *bench) sizedBundles(s subject, kind string, size float64) error {
	for _, rt := range b.runtimes() {
		dir := b.bundleDir(rt, kind)
		root := filepath.Join(dir, "rootfs")
		var fillErr error
		change := func(spec *specs.Spec) { fillErr = s.fill(spec, root, size) }
		if err := bundle(b.rung, dir, b.prefix+rt.name+"-"+kind, "/bin/true", change); err != nil {
			return err
		}
		if fillErr != nil {
			return fillErr
		}
	}
	return nil
}

// A subject is something of which a configuration may have more and more.
type subject struct {
	name, unit string
	sizes      []float64
	fill       func(s *specs.Spec, root string, size float64) error
}

var tenfold = []float64{1, 10, 100, 1000}

var subjects = []subject{
	{"mounts", "bind mounts", tenfold, fillMounts},
	{"devices", "devices", tenfold, fillDevices},
	{"environment", "kB of environment", tenfold, fillEnvironment},
	{"config", "MB of config.json", []float64{0.1, 1, 10}, fillConfig},
	{"seccomp", "seccomp rules", []float64{1, 10, 100, 400}, fillSeccomp},
}

// subjectNames are what -only takes of them.
func subjectNames() []string {
	names := []string{liveName}
	for _, s := range subjects {
		names = append(names, s.name)
	}
	return names
}

// fillMounts binds one file to many, with the options that Docker gives a volume.
func fillMounts(s *specs.Spec, root string, size float64) error {
	source := root + ".source"
	files := []string{source}
	if err := os.MkdirAll(root+"/mnt", 0o755); err != nil {
		return err
	}
	for i := range int(size) {
		name := "/mnt/" + strconv.Itoa(i)
		files = append(files, root+name)
		s.Mounts = append(s.Mounts, specs.Mount{Destination: name, Type: "bind", Source: source, Options: []string{"rbind", "rprivate"}})
	}
	for _, file := range files {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fillDevices makes many nodes of /dev/null's device.
func fillDevices(s *specs.Spec, _ string, size float64) error {
	for i := range int(size) {
		s.Linux.Devices = append(s.Linux.Devices, specs.LinuxDevice{
			Path: "/dev/d" + strconv.Itoa(i), Type: "c", Major: 1, Minor: 3, FileMode: new(os.FileMode(0o666)),
		})
	}
	return nil
}

// fillEnvironment adds variables of 1000 bytes: the kernel takes 128 KiB in one,
// and 2 MiB in all.
func fillEnvironment(s *specs.Spec, _ string, size float64) error {
	for i := range int(size) {
		s.Process.Env = append(s.Process.Env, fmt.Sprintf("V%04d=%0993d", i, i))
	}
	return nil
}

// fillConfig pads with annotations of 1000 bytes until config.json has the size in MB.
func fillConfig(s *specs.Spec, _ string, size float64) error {
	s.Annotations = map[string]string{}
	for i := range int(size * 1000) {
		s.Annotations[fmt.Sprintf("org.example.padding.%06d", i)] = fmt.Sprintf("%0965d", i)
	}
	return nil
}

// fillSeccomp refuses calls that nobody makes: those with names from Docker's
// profile and an argument that never has the value. A rule past the last name
// is another value of the first name's.
func fillSeccomp(s *specs.Spec, _ string, size float64) error {
	docker, err := dockerSeccomp()
	if err != nil {
		return err
	}
	var names []string
	for _, rule := range docker.Syscalls {
		names = append(names, rule.Names...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: docker.Architectures}
	for i := range int(size) {
		profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
			Names: []string{names[i%len(names)]}, Action: specs.ActErrno,
			Args: []specs.LinuxSeccompArg{{Index: 1, Value: uint64(0x7abc0000 + i), Op: specs.OpEqualTo}},
		})
	}
	s.Linux.Seccomp = profile
	return nil
}

func dockerSeccomp() (*specs.LinuxSeccomp, error) {
	data, err := os.ReadFile(dockerConfig)
	if err != nil {
		return nil, fmt.Errorf("run this in tests: %w", err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, err
	}
	return s.Linux.Seccomp, nil
}
