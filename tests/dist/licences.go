package main

import (
	"bytes"
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

// modules are those that a binary was made of, without our own.
func modules(binary string) ([]*debug.Module, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	for i, m := range info.Deps {
		if m.Replace != nil {
			info.Deps[i] = m.Replace
		}
	}
	return info.Deps, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(md|txt))?$`)

// licences are the texts of the modules' licences, and of Go's, whose library and runtime are in it too.
func licences(binary string) ([]byte, error) {
	list, err := modules(binary)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := licenceOf(&b, "Go", strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	for _, m := range list {
		out, err := exec.Command("go", "mod", "download", "-json", m.Path+"@"+m.Version).Output()
		var found struct{ Dir string }
		if err = errors.Join(err, json.Unmarshal(out, &found)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		if err := licenceOf(&b, m.Path+" "+m.Version, found.Dir); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// licenceOf writes the licences that lie in a module's directory.
func licenceOf(b *bytes.Buffer, name, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "== %s: %s\n\n%s\n", name, e.Name(), text)
	}
	if !found && name != "Go" { // a distribution's Go has its own elsewhere
		return fmt.Errorf("%s has no licence in %s", name, dir)
	}
	return nil
}
