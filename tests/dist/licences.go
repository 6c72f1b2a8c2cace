package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// thirdParty is the file of the licences of what is in the binary.
const thirdParty = "THIRD-PARTY-LICENSES"

// modules are those that a binary was made of, without our own, and the version of Go.
func modules(binary string) (list []*debug.Module, toolchain string, err error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, "", err
	}
	for i, m := range info.Deps {
		if m.Replace != nil {
			info.Deps[i] = m.Replace
		}
	}
	toolchain, _, _ = strings.Cut(info.GoVersion, " ") // experiments follow
	return info.Deps, toolchain, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(md|txt))?$`)

// A licence is what lies in a module's directory.
type licence struct {
	path, version string
	text          []byte
	id            string // SPDX's, if it is one of those that are easily told
}

// licences are those of Go, whose library and runtime are in a binary too, and of its modules.
func (d *dist) licences(binary string) ([]licence, error) {
	list, toolchain, err := modules(binary)
	if err != nil {
		return nil, err
	}
	goroot, err := d.askGo("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	std, err := licenceOf("stdlib", toolchain, strings.TrimSpace(string(goroot)))
	if err != nil {
		return nil, err
	}
	all := []licence{std}
	for _, m := range list {
		out, err := d.askGo("mod", "download", "-json", m.Path+"@"+m.Version)
		var found struct{ Dir string }
		if err = errors.Join(err, json.Unmarshal(out, &found)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		l, err := licenceOf(m.Path, m.Version, found.Dir)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// askGo is what the Go that builds says.
func (d *dist) askGo(args ...string) ([]byte, error) {
	cmd := exec.Command(goProgram(), args...)
	cmd.Dir, cmd.Env = d.tree, d.env
	return output(cmd)
}

// licenceOf is the licence that lies in a module's directory, or in Go's.
func licenceOf(path, version, dir string) (licence, error) {
	l := licence{path: path, version: version}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return l, err
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return l, err
		}
		l.text = fmt.Appendf(l.text, "== %s %s: %s\n\n%s\n", path, version, e.Name(), text)
		if l.id == "" {
			l.id = spdx(string(text))
		}
	}
	if l.text == nil {
		return l, fmt.Errorf("%s %s: no licence in %s", path, version, dir)
	}
	return l, nil
}

// spdx is the identifier of a licence's text, of those that Go modules mostly have; else empty.
func spdx(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case has("Apache License Version 2.0, January 2004"):
		return "Apache-2.0"
	case has("Mozilla Public License") && has("2.0"):
		return "MPL-2.0"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Redistribution and use in source and binary forms") && has("may be used to endorse or promote"):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	}
	return ""
}

// joined is the text of licences.
func joined(list []licence) (text []byte) {
	for _, l := range list {
		text = append(text, l.text...)
	}
	return text
}
