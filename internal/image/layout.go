// Package image reads the configuration of an image in an OCI image layout, which may be
// anybody's, and makes the configuration of a container of it. Layers aren't looked at.
//
// What a layout has is small documents that refer to each other by their digests. Each is read
// whole, up to a limit, and believed if it has the size and the digest that the one before said.
package image

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/suggest"
)

// maxDocument is how large an index, a manifest or a configuration may be: what registries take.
const maxDocument = 4 << 20

// A layout is where documents come from: a directory or an archive.
type layout interface {
	// read reads the regular file name, which isn't longer than maxDocument; the error of one that isn't
	// there wraps unix.ENOENT.
	read(name string) ([]byte, error)
	Close() error
}

// Read reads the configuration of an image for a platform. from is the path of a directory or an
// archive (tar), and may go on with a colon and the image's name there.
func Read(from string, p Platform) (*Config, error) {
	path, name := split(from)
	l, err := open(path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	c, err := find(l, name, p)
	if err != nil {
		return nil, fmt.Errorf("image layout %s: %w", path, err)
	}
	return c, nil
}

// find finds the configuration of an image.
func find(l layout, name string, p Platform) (*Config, error) {
	if err := checkVersion(l); err != nil {
		return nil, err
	}
	text, err := l.read("index.json")
	if err != nil {
		return nil, err
	}
	list, err := decodeIndex(text)
	if err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if list, err = named(list, name); err != nil {
		return nil, err
	}
	s := search{layout: l}
	if err := s.manifests(list, "", 0); err != nil {
		return nil, err
	}
	m, err := choose(s.found, p)
	if err != nil {
		return nil, err
	}
	c, err := config(l, m)
	if err != nil {
		return nil, err
	}
	if c.OS != "" && c.OS != p.OS || c.Architecture != "" && c.Architecture != p.Architecture {
		return nil, fmt.Errorf("image is for %s/%s, this machine is %s", c.OS, c.Architecture, p)
	}
	return c, nil
}

func checkVersion(l layout) error {
	text, err := l.read("oci-layout")
	if errors.Is(err, unix.ENOENT) {
		return errors.New("it has no file oci-layout: is it one?")
	}
	if err != nil {
		return err
	}
	version, err := decodeVersion(text)
	if err != nil {
		return fmt.Errorf("oci-layout: %w", err)
	}
	if !strings.HasPrefix(version, "1.") {
		return fmt.Errorf("oci-layout: version %.20q isn't known", version)
	}
	return nil
}

// config reads the configuration that a manifest refers to.
func config(l layout, m descriptor) (*Config, error) {
	text, err := blob(l, m)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	d, err := decodeManifest(text)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", m.digest, err)
	}
	if !slices.Contains(configTypes, d.mediaType) {
		return nil, fmt.Errorf("manifest %s: it is no image: its configuration has the type %.100q", m.digest, d.mediaType)
	}
	if text, err = blob(l, d); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c, err := decodeConfig(text)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", d.digest, err)
	}
	return c, nil
}

// named are the descriptors of a name, or all for none.
func named(list []descriptor, name string) (found []descriptor, err error) {
	if name == "" {
		return list, nil
	}
	var names []string
	for _, d := range list {
		if d.name == name {
			found = append(found, d)
		}
		if d.name != "" {
			names = append(names, d.name)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("no image is named %q%s%s", name, suggest.Meant(name, names, ""), has(names))
}

// has tells which names there are.
func has(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; it has " + some(names)
}

// some lists names of a layout's in a line, and not too many.
func some(names []string) string {
	const most = 10
	slices.Sort(names)
	names = slices.Compact(names)
	for i, name := range names {
		if quoted := fmt.Sprintf("%.100q", name); quoted[1:len(quoted)-1] != name {
			names[i] = quoted
		}
	}
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// search collects the manifests of images.
type search struct {
	layout  layout
	found   []descriptor
	indexes int
}

// An index may hold others, which may be the same over and over.
const (
	maxDepth   = 4
	maxIndexes = 64
)

// manifests collects those of a list, and of the indexes in it. name is that of the index which the list is in.
func (s *search) manifests(list []descriptor, name string, depth int) error {
	for _, d := range list {
		if d.name == "" {
			d.name = name
		}
		switch {
		case slices.Contains(manifestTypes, d.mediaType):
			s.found = append(s.found, d)
		case slices.Contains(indexTypes, d.mediaType):
			if s.indexes++; depth == maxDepth || s.indexes > maxIndexes {
				return errors.New("too many indexes in indexes")
			}
			text, err := blob(s.layout, d)
			if err != nil {
				return fmt.Errorf("index: %w", err)
			}
			inner, err := decodeIndex(text)
			if err != nil {
				return fmt.Errorf("index %s: %w", d.digest, err)
			}
			if err := s.manifests(inner, d.name, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
