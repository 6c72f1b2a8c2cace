package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// A file is something that is shipped, or a symbolic link, whose text is where it leads.
type file struct {
	mode os.FileMode
	text []byte
}

func symlink(to string) file { return file{os.ModeSymlink | 0o777, []byte(to)} }
func (f file) isLink() bool  { return f.mode&os.ModeSymlink != 0 }

// A content is what is shipped for an architecture, by what it is.
type content struct {
	binary      file
	pages       map[string]file // manual pages by their names: rung.1
	completions map[string]file // by shell
	papers      map[string]file // README.md, LICENSE, docs/compat.md ...
	examples    map[string]file // how engines are told of rung
	licences    []licence       // of what is in the binary
}

// examples of engines' configurations. Where packages have the file for Podman it takes it from version 6 on; for that of Debian 12,
// 4.3, whoever wants it links to it. By runtime_supports_json Podman reads rung's errors as it reads runc's. A list in a file takes
// the place of the built-in one: so that one's are in it too.
var examples = map[string]string{
	"daemon.json": `{
  "runtimes": {
    "rung": {"path": "/usr/bin/rung"}
  }
}
`,
	"containerd.toml": `# containerd 1.x: merge into /etc/containerd/config.toml, or name this file in its imports.
version = 2
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.rung]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.rung.options]
    BinaryName = "/usr/bin/rung"
`,
	"rung.conf": `# podman --runtime rung; see containers.conf(5). Podman before version 6 has to be led here:
# mkdir -p /etc/containers/containers.conf.d
# ln -s ` + podmanFile + ` /etc/containers/containers.conf.d/
[engine]
runtime_supports_json = ["crun", "runc", "kata", "runsc", "youki", "krun", "rung"]

[engine.runtimes]
rung = ["/usr/bin/rung"]
`,
}

func (d *dist) content(binary string) (*content, error) {
	c := &content{completions: map[string]file{}, examples: map[string]file{}}
	text, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	c.binary = file{0o755, text}
	if c.pages, err = d.pages(); err != nil {
		return nil, err
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := exec.Command(d.native, "completion", shell).Output()
		if err != nil {
			return nil, err
		}
		c.completions[shell] = file{0o644, script}
	}
	if c.papers, err = documents(d.tree, d.ref()); err != nil {
		return nil, err
	}
	if err := d.take(c.papers, "LICENSE"); err != nil {
		return nil, err
	}
	c.licences, err = d.licences(binary)
	if err != nil {
		return nil, err
	}
	c.papers[thirdParty] = file{0o644, joined(c.licences)}
	for name, text := range examples {
		c.examples[name] = file{0o644, []byte(text)}
	}
	return c, nil
}

// pages are the tree's manual pages.
func (d *dist) pages() (map[string]file, error) {
	names, err := fs.Glob(os.DirFS(d.tree), "docs/man/*.1")
	if err != nil {
		return nil, err
	}
	all := map[string]file{}
	return all, d.take(all, names...)
}

// take reads files of the tree, which get their own names.
func (d *dist) take(into map[string]file, paths ...string) error {
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(d.tree, path))
		if err != nil {
			return err
		}
		into[filepath.Base(path)] = file{0o644, text}
	}
	return nil
}

// compressed is a text as gzip(1) without name and time makes it.
func compressed(text []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = w.Write(text)
	_ = w.Close()
	return b.Bytes()
}
