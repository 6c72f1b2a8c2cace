package main

import (
	"fmt"
	"strings"
)

// A target is an architecture.
type target struct {
	name string   // Go's, with the version of ARM
	env  []string // of go build
	pkg  string   // the name by which nfpm knows it, from which it makes those of the kinds of packages
}

var targets = [...]target{
	{"amd64", []string{"GOARCH=amd64"}, "amd64"},
	{"arm64", []string{"GOARCH=arm64"}, "arm64"},
	{"armv7", []string{"GOARCH=arm", "GOARM=7"}, "arm7"},
	{"386", []string{"GOARCH=386"}, "386"},
	{"riscv64", []string{"GOARCH=riscv64"}, "riscv64"},
	{"ppc64le", []string{"GOARCH=ppc64le"}, "ppc64le"},
	{"s390x", []string{"GOARCH=s390x"}, "s390x"},
	{"loong64", []string{"GOARCH=loong64"}, "loong64"},
}

// chosen are the targets with some names; all without.
func chosen(names string) ([]target, error) {
	if names == "" {
		return targets[:], nil
	}
	var list []target
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, t := range targets {
			if found = t.name == name; found {
				list = append(list, t)
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("unknown architecture %q", name)
		}
	}
	return list, nil
}

// target makes everything for an architecture.
func (d *dist) target(t target) error {
	binary := d.stage + "/rung-" + t.name
	if err := d.build(t.env, binary); err != nil {
		return err
	}
	c, err := d.content(binary)
	if err != nil {
		return err
	}
	if err := d.tarball(t, c); err != nil {
		return err
	}
	for _, kind := range kinds {
		if err := d.pack(t, kind, c); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	return d.sbom(t, binary, c.licences)
}
