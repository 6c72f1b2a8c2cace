package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An origin is what a tree of files comes from. git knows it in a clone; the tarball of the source has it in files.
type origin struct {
	Commit  string `json:"-"`       // empty if nobody knows
	Time    int64  `json:"time"`    // of the commit, in seconds; 0 if nobody knows
	Release bool   `json:"release"` // the commit has the version's tag
}

// Names in the tarball of the source, which git's tree hasn't got. The Makefile reads the first.
const (
	commitName = "COMMIT"
	originName = "tests/dist/origin.json"
)

// findOrigin asks git where the root is rung's own clone. A tree that lies in another repository is none.
func (d *dist) findOrigin() error {
	prefix, err := d.askGit("rev-parse", "--show-prefix")
	if d.git = err == nil && prefix == ""; !d.git {
		d.origin, err = unpackedOrigin(d.root)
		return err
	}
	changed, err := d.askGit("status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return err
	}
	if line, _, _ := strings.Cut(changed, "\n"); line != "" {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		return fmt.Errorf("%s: changed and not committed: what is shipped is a commit", strings.TrimSpace(name))
	}
	head, err := d.askGit("log", "-1", "--no-show-signature", "--format=%H %ct")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscanf(head, "%s %d", &d.Commit, &d.origin.Time); err != nil {
		return fmt.Errorf("git log: %q: %w", head, err)
	}
	tags, err := d.askGit("tag", "--points-at", "HEAD")
	d.Release = slices.Contains(strings.Fields(tags), "v"+d.number)
	return err
}

// unpackedOrigin is that of a tree without git: a tarball is of a release unless it says that it isn't.
func unpackedOrigin(root string) (origin, error) {
	o := origin{Release: true}
	text, err := os.ReadFile(filepath.Join(root, originName))
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, fmt.Errorf("%s: %w", originName, err)
	}
	commit, err := os.ReadFile(filepath.Join(root, commitName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	o.Commit = strings.TrimSpace(string(commit))
	return o, nil
}

// epoch is the time of all files: https://reproducible-builds.org/specs/source-date-epoch/. It fits 32 bits: an rpm has no more
// for it, and would have another time without a word.
func epoch(variable string, commit int64) (time.Time, error) {
	switch {
	case variable != "":
		seconds, err := strconv.ParseUint(variable, 10, 32)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds from 0 to %d", variable, uint32(math.MaxUint32))
		}
		commit = int64(seconds)
	case commit == 0:
		return time.Time{}, errors.New("no commit to take the time from: set SOURCE_DATE_EPOCH")
	case commit < 0 || commit > math.MaxUint32:
		return time.Time{}, fmt.Errorf("the commit's time, %d, isn't from 0 to %d: set SOURCE_DATE_EPOCH", commit, uint32(math.MaxUint32))
	}
	return time.Unix(commit, 0).UTC(), nil
}

// askGit is what git says of the root, to whomever that belongs, and of its commits as they are, not what replaces them here.
func (d *dist) askGit(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", d.root, "-c", "safe.directory=*", "-c", "core.quotePath=false"}, args...)...)
	cmd.Env = append(slices.Clone(d.env), "GIT_NO_REPLACE_OBJECTS=1") // no GIT_DIR in it
	out, err := output(cmd)
	return strings.TrimRight(string(out), "\n"), err
}

// source makes the tarball of the commit's files, and unpacks it as what is built: whatever else lies in the clone has no part in it.
func (d *dist) source() error {
	archive, err := d.archive()
	if err != nil {
		return err
	}
	all, err := readTar(archive)
	if err != nil {
		return fmt.Errorf("git archive: %w", err)
	}
	from, err := json.Marshal(d.origin)
	if err != nil {
		return err
	}
	all[commitName] = file{0o644, []byte(d.Commit + "\n")}
	all[originName] = file{0o644, append(from, '\n')}
	var b bytes.Buffer
	if err := d.writeTar(&b, "rung-"+d.version(), all); err != nil {
		return err
	}
	if err := d.write("rung-"+d.version()+".tar.gz", compressed(b.Bytes())); err != nil {
		return err
	}
	d.tree = filepath.Join(d.stage, "source")
	return lay(d.tree, all)
}

// readTar is what is in an archive.
func readTar(archive []byte) (map[string]file, error) {
	all := map[string]file{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch h.Typeflag {
		case tar.TypeReg:
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			all[h.Name] = file{os.FileMode(h.Mode) & 0o777, text}
		case tar.TypeSymlink:
			all[h.Name] = symlink(h.Linkname)
		}
	}
}

// lay writes files below a directory.
func lay(dir string, all map[string]file) error {
	for name, f := range all {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		var err error
		if f.isLink() {
			err = os.Symlink(string(f.text), to)
		} else {
			err = os.WriteFile(to, f.text, f.mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
