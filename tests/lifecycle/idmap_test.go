package lifecycle

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// idMap maps the ids of a mount's files: 0 on disk to id firstID of the host.
func idMap(m specs.Mount) specs.Mount {
	m.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: firstID, Size: ids}}
	m.GIDMappings = m.UIDMappings
	return m
}

// source is a directory of root's with a file and a directory "sub", on which a
// file system is mounted that has a file too.
func source(t *testing.T) string {
	t.Helper()
	dir := harness.TempDir(t)
	if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", dir+"/sub", "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir+"/sub", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(dir+"/sub/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Without a user namespace files of root's belong to the mapping's host id.
func TestIDMap(t *testing.T) {
	harness.NeedRung(t, "Debian's runtimes know no id-mapped mounts")
	for _, c := range []struct {
		name       string
		options    []string
		file, deep string
	}{
		{"bind", []string{"bind"}, "100000:100000", "0:0"},
		{"idmap", []string{"rbind", "idmap"}, "100000:100000", "0:0"},
		{"ridmap", []string{"rbind", "ridmap"}, "100000:100000", "100000:100000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.Share(t)
			dir := source(t)
			b := harness.New(t, harness.Probe("stat:/v/file", "stat:/v/sub/file"), harness.AddMount(
				idMap(specs.Mount{Destination: "/v", Source: dir, Options: c.options})))
			r := b.Report(t)
			if got, want := r.Tries["stat:/v/file"], "ok file 0644 "+c.file; got != want {
				t.Errorf("file: %s, want %s", got, want)
			}
			want := "ok file 0644 " + c.deep
			if c.options[0] == "bind" {
				want = "ENOENT"
			}
			if got := r.Tries["stat:/v/sub/file"]; got != want {
				t.Errorf("file of the mount below: %s, want %s", got, want)
			}
		})
	}
}

// In a user namespace with the same mappings, files of the host's root are the
// container's, and what the container makes is the host's root's.
func TestIDMapUserNamespace(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "Debian's runtimes know no id-mapped mounts")
	for _, explicit := range []bool{true, false} {
		dir := source(t)
		m := specs.Mount{Destination: "/v", Source: dir, Options: []string{"bind", "idmap"}}
		if explicit {
			m = idMap(m)
		}
		b := harness.New(t, harness.Probe("stat:/v/file", "create:/v/made"), mapped, harness.AddMount(m))
		chownAll(t, b)
		r := b.Report(t)
		if got := r.Tries["stat:/v/file"]; got != "ok file 0644 0:0" {
			t.Errorf("file: %s, want root's", got)
		}
		if got := r.Tries["create:/v/made"]; got != "ok" {
			t.Errorf("make a file: %s", got)
		}
		if st, err := os.Stat(dir + "/made"); err != nil || !owned(st, 0) {
			t.Errorf("the container's file on the host: %v, %v, want root's", st, err)
		}
	}
}

// A tmpfs is made by the host and has its ids mapped.
func TestIDMapTmpfs(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "Debian's runtimes know no id-mapped mounts")
	m := specs.Mount{Destination: "/v", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755", "nosuid"}}
	b := harness.New(t, harness.Probe("stat:/v"), harness.AddMount(idMap(m)))
	if got := b.Report(t).Tries["stat:/v"]; got != "ok dir 0755 100000:100000" {
		t.Errorf("without a user namespace: %s", got)
	}
	b = harness.New(t, harness.Probe("stat:/v", "create:/v/x", "stat:/v/x"), mapped, harness.AddMount(idMap(m)))
	chownAll(t, b)
	r := b.Report(t)
	for try, want := range map[string]string{"stat:/v": "ok dir 0755 0:0", "create:/v/x": "ok", "stat:/v/x": "ok file 0644 0:0"} {
		if r.Tries[try] != want {
			t.Errorf("%s: %s, want %s", try, r.Tries[try], want)
		}
	}
}

// What can't be mapped isn't mounted unmapped.
func TestIDMapRefused(t *testing.T) {
	harness.Share(t)
	harness.NeedRung(t, "Debian's runtimes know no id-mapped mounts")
	b := harness.New(t, harness.AddMount(idMap(specs.Mount{Destination: "/v", Source: "/proc/self/ns", Options: []string{"bind"}})))
	b.Container(t, "run").Fails(t, 1, "mounts[")
}
