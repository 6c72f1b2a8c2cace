package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "rung", Arch: t.pkg, Platform: "linux", Version: d.version(), Release: "1", Section: "admin", Priority: "optional",
		Maintainer: maintainer, Description: description, Vendor: "rung", Homepage: homepage, License: "Apache-2.0", MTime: d.time,
		DisableGlobbing: true, // files have the names they have
	})
	info.RPM.BuildHost = "rung" // else this host's name is in it
	info.RPM.Group, info.RPM.Summary, info.RPM.Compression = "System Environment/Base", "Container runtime of the Open Container Initiative", "gzip:9"
	info.Deb.Compression = "gzip" // every dpkg knows it
	places, err := k.places(c)
	if err != nil {
		return err
	}
	if k.name == "deb" {
		info.License = "" // a field that dpkg doesn't know
		places["/usr/share/lintian/overrides/rung"] = file{0o644, []byte(overrides)}
		places["/usr/share/doc/rung/changelog.Debian.gz"] = file{0o644, compressed([]byte(d.debianChangelog()))}
	} else {
		info.Provides = []string{"oci-runtime"}
	}
	if k.name == "apk" {
		info.Version = d.apkVersion()
		info.Description = summary // a second line isn't taken by what reads a .PKGINFO
	}
	name := packager.ConventionalFileName(info) // and info.Arch is that kind's from here on
	var b bytes.Buffer
	if k.name == "rpm" {
		err = packRPM(&b, info, k.dirs(places), places)
	} else {
		err = d.packFiles(&b, packager, info, k, places)
	}
	if err != nil {
		return err
	}
	return d.write(name, b.Bytes())
}

// packFiles has nfpm make a package of some files, which it takes from a directory.
func (d *dist) packFiles(w io.Writer, packager nfpm.Packager, info *nfpm.Info, k kind, places map[string]file) error {
	from, err := os.MkdirTemp(d.stage, "package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(from)
	for _, dir := range k.dirs(places) {
		info.Contents = append(info.Contents, &files.Content{
			Destination: dir, Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: d.time},
		})
	}
	for i, path := range slices.Sorted(maps.Keys(places)) {
		f := places[path]
		source := filepath.Join(from, fmt.Sprint(i))
		if err := os.WriteFile(source, f.text, f.mode); err != nil {
			return err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: source, Destination: path, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: d.time, Size: int64(len(f.text))},
		})
	}
	if err := nfpm.PrepareForPackager(info, k.name); err != nil {
		return err
	}
	return packager.Package(info, w)
}

// dirs are the directories that are the package's, if not its alone: they go with the last that has them. dpkg finds out by
// itself which; others are of every distribution's base.
func (k kind) dirs(places map[string]file) []string {
	if k.name == "deb" {
		return nil
	}
	ours := []string{"/usr/share/containers", strings.TrimSuffix(docs, "/"), strings.TrimSuffix(k.licences, "/")}
	all := map[string]bool{}
	for name := range places {
		for dir := filepath.Dir(name); dir != "/"; dir = filepath.Dir(dir) {
			all[dir] = slices.ContainsFunc(ours, func(o string) bool { return dir == o || strings.HasPrefix(dir, o+"/") })
		}
	}
	maps.DeleteFunc(all, func(_ string, of bool) bool { return !of })
	return slices.Sorted(maps.Keys(all))
}

// debianChangelog is that of the package: Debian Policy 12.7 has the program's beside it.
func (d *dist) debianChangelog() string {
	return "rung (" + d.version() + "-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- " + maintainer + "  " + d.time.Format(time.RFC1123Z) + "\n"
}

const (
	// Packages have to name an address, and there is none: reports come by the repository's pages.
	maintainer  = "The rung maintainers <maintainers@rung-oci.invalid>"
	homepage    = "https://github.com/rung-oci/rung"
	summary     = "container runtime of the Open Container Initiative"
	description = summary + `
rung makes, starts, stops and removes containers from OCI bundles. Docker,
containerd, Podman, CRI-O and Kubernetes can call it in the place of runc,
whose command line it has. It is one static binary.`
)

// docs is where packages have documents.
const docs = "/usr/share/doc/rung/"

// podmanFile is where Podman looks for files of packages from version 6 on. Earlier ones look below /etc alone, and what is there is
// the administrator's: a package that has the name would replace his file at an upgrade and remove it with itself.
const podmanFile = "/usr/share/containers/containers.conf.d/rung.conf"

// places are the paths of a package's files.
func (k kind) places(c *content) (map[string]file, error) {
	all := map[string]file{
		"/usr/bin/rung": c.binary,
		"/usr/share/bash-completion/completions/rung": c.completions["bash"],
		k.zsh + "_rung": c.completions["zsh"],
		"/usr/share/fish/vendor_completions.d/rung.fish": c.completions["fish"],
		podmanFile:                        c.examples["rung.conf"],
		docs + "examples/daemon.json":     c.examples["daemon.json"],
		docs + "examples/containerd.toml": c.examples["containerd.toml"],
	}
	if err := k.documents(all, c.papers); err != nil {
		return nil, err
	}
	for name, f := range c.pages {
		all["/usr/share/man/man1/"+name+".gz"] = file{f.mode, compressed(f.text)}
	}
	if k.name == "deb" { // the Apache licence is in base-files
		all[k.licences+"copyright"] = file{0o644, []byte(copyright)}
		all[k.licences+thirdParty+".gz"] = file{0o644, compressed(c.papers[thirdParty].text)}
	} else {
		all[k.licences+"LICENSE"], all[k.licences+thirdParty] = c.papers["LICENSE"], c.papers[thirdParty]
	}
	return all, nil
}

// documents puts papers where packages have them, at the same places to each other as in the project but for the list of changes,
// to which links lead by the name that the kind of package has for it.
func (k kind) documents(all, papers map[string]file) error {
	const changes = "CHANGELOG.md"
	name := strings.TrimPrefix(k.changes, docs)
	for paper, f := range papers {
		if paper == "LICENSE" || paper == thirdParty {
			continue
		}
		var err error
		if filepath.Ext(paper) == ".md" {
			f.text, err = relink(f.text, paper, func(to, link string) (string, error) {
				if to == changes {
					return strings.TrimSuffix(link, changes) + name, nil
				}
				return link, nil
			})
		}
		if err != nil {
			return err
		}
		if paper == changes {
			paper = name
			if filepath.Ext(name) == ".gz" {
				f.text = compressed(f.text)
			}
		}
		all[docs+paper] = f
	}
	return nil
}

const copyright = `rung
Source: ` + homepage + `
Copyright 2026 the authors of rung
License: Apache License, Version 2.0; see /usr/share/common-licenses/Apache-2.0

The binary contains Go's library and modules of others: /usr/share/doc/rung/THIRD-PARTY-LICENSES.gz
has their licences.
`

// overrides are the tags of lintian that are as they should be: the binary is static, so that it starts fast and
// needs nothing of the host's; and there is no bug in Debian's tracker to close.
const overrides = `rung: statically-linked-binary [usr/bin/rung]
rung: initial-upload-closes-no-bugs [usr/share/doc/rung/changelog.Debian.gz:1]
`
