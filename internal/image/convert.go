package image

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/preset"
	"github.com/rung-oci/rung/internal/user"
)

// Identity is who the image's program is to be; ok is false if the image doesn't say. Names are
// looked up in files of the unpacked image, which may be nil.
func (c *Config) Identity(in user.Files) (who user.Identity, ok bool, err error) {
	if c.User == "" {
		return user.Identity{}, false, nil
	}
	asked, err := user.Parse(c.User)
	if err != nil {
		return user.Identity{}, false, err
	}
	if asked.NeedsFiles() && in == nil {
		return user.Identity{}, false, errors.New("user " + c.User + " of the image: names are looked up in the bundle's root filesystem, which isn't there: unpack the image first")
	}
	who, err = asked.Resolve(in)
	return who, err == nil, err
}

// unsafe are beginnings of annotations by which runtimes do more than a label should be able to ask for.
var unsafe = []string{"org.systemd.property.", "run.oci."}

// Apply makes the configuration of a container that of one of the image, by the rules of the
// image specification ("Conversion to OCI Runtime Configuration"). omitted are labels that don't
// become annotations.
func (c *Config) Apply(s *specs.Spec) (omitted []string) {
	p := s.Process
	if args := slices.Concat(c.Entrypoint, c.Cmd); len(args) > 0 {
		p.Args = args
	}
	if c.WorkingDir != "" {
		p.Cwd = c.WorkingDir
	}
	p.Env = merged(c.Env, p.Env)
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	for key, value := range map[string]string{
		"org.opencontainers.image.os":           c.OS,
		"org.opencontainers.image.os.version":   c.OSVersion,
		"org.opencontainers.image.os.features":  strings.Join(c.OSFeatures, ","),
		"org.opencontainers.image.architecture": c.Architecture,
		"org.opencontainers.image.variant":      c.Variant,
		"org.opencontainers.image.author":       c.Author,
		"org.opencontainers.image.created":      c.Created,
		"org.opencontainers.image.exposedPorts": strings.Join(slices.Sorted(slices.Values(c.ExposedPorts)), ","),
		preset.StopSignal:                       c.StopSignal,
	} {
		if value != "" {
			s.Annotations[key] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		if slices.ContainsFunc(unsafe, func(begin string) bool { return strings.HasPrefix(key, begin) }) || key == "" {
			omitted = append(omitted, key)
			continue
		}
		s.Annotations[key] = c.Labels[key]
	}
	c.volumes(s)
	return omitted
}

// merged is an environment, and what of another it doesn't have.
func merged(env, more []string) []string {
	env = slices.Clone(env)
	known := map[string]bool{}
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		known[name] = true
	}
	for _, entry := range more {
		if name, _, _ := strings.Cut(entry, "="); !known[name] {
			env = append(env, entry)
		}
	}
	return env
}

// volumes keeps data out of the root filesystem: it goes with the container. What the image has
// there is copied.
func (c *Config) volumes(s *specs.Spec) {
	for _, v := range slices.Sorted(slices.Values(c.Volumes)) {
		at := func(m specs.Mount) bool { return path.Clean("/"+m.Destination) == path.Clean("/"+v) }
		if !slices.ContainsFunc(s.Mounts, at) {
			s.Mounts = append(s.Mounts, preset.Tmpfs(v, "nosuid", "nodev", "tmpcopyup"))
		}
	}
}
