package main

import (
	"archive/tar"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// tarball packs what is shipped for who unpacks it by hand, in one directory.
func (d *dist) tarball(t target, c *content) error {
	prefix := "rung-" + d.version() + "-linux-" + t.name
	all := map[string]file{"bin/rung": c.binary}
	for name, f := range c.pages {
		all["share/man/man1/"+name] = f
	}
	all["share/bash-completion/completions/rung"] = c.completions["bash"]
	all["share/zsh/site-functions/_rung"] = c.completions["zsh"]
	all["share/fish/vendor_completions.d/rung.fish"] = c.completions["fish"]
	maps.Copy(all, c.papers)
	for name, f := range c.examples {
		all["examples/"+name] = f
	}
	var b bytes.Buffer
	if err := d.writeTar(&b, prefix, all); err != nil {
		return err
	}
	return d.write(prefix+".tar.gz", compressed(b.Bytes()))
}

// writeTar writes files and their directories, root's, in the order of their names.
func (d *dist) writeTar(b *bytes.Buffer, prefix string, all map[string]file) error {
	w := tar.NewWriter(b)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		full := prefix + "/" + name
		for i := range full {
			if full[i] != '/' || made[full[:i]] {
				continue
			}
			made[full[:i]] = true
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: full[:i+1], Mode: 0o755, ModTime: d.time, Format: tar.FormatUSTAR}); err != nil {
				return err
			}
		}
		f := all[name]
		h := &tar.Header{Typeflag: tar.TypeReg, Name: full, Mode: int64(f.mode.Perm()), Size: int64(len(f.text)), ModTime: d.time, Format: tar.FormatUSTAR}
		if f.isLink() {
			h.Typeflag, h.Linkname, h.Size, f.text = tar.TypeSymlink, string(f.text), 0, nil
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.text); err != nil {
			return err
		}
	}
	return w.Close()
}

func (d *dist) write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(d.out, name), text, 0o644)
}
