package main

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/google/rpmpack"
	"github.com/goreleaser/nfpm/v2"
)

// Tags of an rpm's header that rpmpack has no field for.
const (
	tagChangelogTime = 1080
	tagChangelogName = 1081
	tagChangelogText = 1082
	tagDirNames      = 1118
)

// packRPM makes an rpm of some directories and files by the library by which nfpm makes them. In the archive of nfpm's
// own, names begin with /: with rpm2cpio | cpio -id, by which people and rpmlint look into a package, root overwrites
// the files of the host. Here they begin with ./, as rpmbuild's do.
func packRPM(w io.Writer, info *nfpm.Info, dirs []string, places map[string]file) error {
	var provides rpmpack.Relations
	for _, p := range info.Provides {
		if err := provides.Set(p); err != nil {
			return err
		}
	}
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: info.Name, Version: info.Version, Release: info.Release, Epoch: rpmpack.NoEpoch, Arch: info.Arch, OS: info.Platform,
		Summary: info.RPM.Summary, Description: info.Description, Licence: info.License, URL: info.Homepage, Vendor: info.Vendor,
		Packager: info.Maintainer, Group: info.RPM.Group, Provides: provides,
		Compressor: info.RPM.Compression, BuildTime: info.MTime, BuildHost: info.RPM.BuildHost,
	})
	if err != nil {
		return err
	}
	add := func(name string, mode uint, text []byte, kind rpmpack.FileType) {
		r.AddFile(rpmpack.RPMFile{Name: "." + name, Mode: mode, Body: text, Owner: "root", Group: "root", MTime: uint32(info.MTime.Unix()), Type: kind})
	}
	for _, dir := range dirs {
		add(dir, 0o40755, nil, rpmpack.GenericFile)
	}
	for name, f := range places {
		add(name, uint(f.mode.Perm()), f.text, rpmKind(name))
	}
	r.AddCustomTag(tagDirNames, rpmpack.EntryStringSlice(parents(slices.Concat(dirs, slices.Collect(maps.Keys(places))))))
	r.AddCustomTag(tagChangelogTime, rpmpack.EntryUint32([]uint32{uint32(info.MTime.Unix())}))
	r.AddCustomTag(tagChangelogName, rpmpack.EntryStringSlice([]string{fmt.Sprintf("%s - %s-%s", info.Maintainer, info.Version, info.Release)}))
	r.AddCustomTag(tagChangelogText, rpmpack.EntryStringSlice([]string{"- See /usr/share/doc/rung/CHANGELOG.md."}))
	return r.Write(w)
}

// rpmKind is what rpm has to know of a file: installed without documentation, a system hasn't got that.
func rpmKind(name string) rpmpack.FileType {
	switch {
	case strings.HasPrefix(name, "/usr/share/doc/"), strings.HasPrefix(name, "/usr/share/man/"):
		return rpmpack.DocFile
	case strings.HasPrefix(name, "/usr/share/licenses/"):
		return rpmpack.LicenceFile
	}
	return rpmpack.GenericFile
}

// parents are the directories of files, which a file's entry names by their index: as the header has them, without the
// dot, and in the order in which rpmpack numbers them, that of the names.
func parents(names []string) (dirs []string) {
	for _, name := range slices.Sorted(slices.Values(names)) {
		if dir, _ := path.Split(name); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
