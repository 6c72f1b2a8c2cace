package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // packagers
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// A kind of package has its places for what is shipped.
type kind struct {
	name     string
	zsh      string // directory of completions
	licences string // directory
	changes  string // file
	gzip     bool   // manual pages are compressed
}

var kinds = [...]kind{
	{"deb", "/usr/share/zsh/vendor-completions/", "/usr/share/doc/rung/", "/usr/share/doc/rung/changelog.gz", true},
	{"rpm", "/usr/share/zsh/site-functions/", "/usr/share/licenses/rung/", "/usr/share/doc/rung/CHANGELOG.md", true},
	{"apk", "/usr/share/zsh/site-functions/", "/usr/share/licenses/rung/", "/usr/share/doc/rung/CHANGELOG.md", true},
}

// pack makes a package.
func (d *dist) pack(t target, k kind, c *content) error {
	packager, err := nfpm.Get(k.name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(d.stage, "package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "rung", Arch: t.pkg, Platform: "linux", Version: d.version, Release: "1", Section: "admin", Priority: "optional",
		Maintainer: maintainer, Description: description, Vendor: "rung", Homepage: homepage, License: "Apache-2.0", MTime: d.time,
	})
	info.RPM.BuildHost = "rung" // else this host's name is in it
	info.RPM.Group, info.RPM.Summary, info.RPM.Compression = "System Environment/Base", summary, "gzip:9"
	info.Deb.Compression = "gzip" // every dpkg knows it
	if k.name == "rpm" {
		info.Provides = []string{"oci-runtime"}
	}
	places := k.places(c)
	for i, path := range slices.Sorted(maps.Keys(places)) {
		f := places[path]
		from := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(from, f.text, f.mode); err != nil {
			return err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: from, Destination: path, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: d.time, Size: int64(len(f.text))},
		})
	}
	if err := nfpm.PrepareForPackager(info, k.name); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := packager.Package(info, &b); err != nil {
		return err
	}
	return d.write(packager.ConventionalFileName(info), b.Bytes())
}

const (
	maintainer  = "The rung maintainers <maintainers@rung-oci.invalid>"
	homepage    = "https://github.com/rung-oci/rung"
	summary     = "container runtime of the Open Container Initiative"
	description = summary + `
rung makes, starts, stops and removes containers from OCI bundles. Docker,
containerd, Podman, CRI-O and Kubernetes can call it in the place of runc,
whose command line it has. It is one static binary.`
)

// places are the paths of a package's files.
func (k kind) places(c *content) map[string]file {
	all := map[string]file{
		"/usr/bin/rung": c.binary,
		"/usr/share/bash-completion/completions/rung": c.completions["bash"],
		k.zsh + "_rung": c.completions["zsh"],
		"/usr/share/fish/vendor_completions.d/rung.fish":    c.completions["fish"],
		"/usr/share/containers/containers.conf.d/rung.conf": c.examples["rung.conf"],
		"/usr/share/doc/rung/README.md":                     c.papers["README.md"],
		"/usr/share/doc/rung/SECURITY.md":                   c.papers["SECURITY.md"],
		"/usr/share/doc/rung/examples/daemon.json":          c.examples["daemon.json"],
		"/usr/share/doc/rung/examples/containerd.toml":      c.examples["containerd.toml"],
	}
	for name, f := range c.pages {
		all["/usr/share/man/man1/"+name+".gz"] = file{f.mode, compressed(f.text)}
	}
	changes := c.papers["CHANGELOG.md"]
	if filepath.Ext(k.changes) == ".gz" {
		changes.text = compressed(changes.text)
	}
	all[k.changes] = changes
	if k.name == "deb" { // Debian Policy 12.5: one file; the Apache licence is in base-files
		all[k.licences+"copyright"] = file{0o644, append([]byte(copyright), c.papers["THIRD-PARTY-LICENSES"].text...)}
	} else {
		all[k.licences+"LICENSE"], all[k.licences+"THIRD-PARTY-LICENSES"] = c.papers["LICENSE"], c.papers["THIRD-PARTY-LICENSES"]
	}
	return all
}

const copyright = `rung
Source: ` + homepage + `
Copyright: the authors of rung
License: Apache License, Version 2.0; see /usr/share/common-licenses/Apache-2.0

The binary contains the following modules of others.

`
