package lifecycle

import (
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What mounts do to each other, to devices and to the program the doctor knows, as far as the configuration and the host tell.
func TestDoctorForetellsCovered(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "no other runtime has a doctor")
	src := harness.TempDir(t)
	for _, err := range []error{
		os.Chmod(src, 0o777), os.Mkdir(src+"/have", 0o755), os.WriteFile(src+"/file", []byte("x"), 0o644), os.Symlink("/etc", src+"/link"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	locked := readonlyMount(t)
	bind := func(at, source string, options ...string) specs.Mount {
		return specs.Mount{Destination: at, Source: source, Options: append([]string{"bind"}, options...)}
	}
	tmpfs := func(at string) specs.Mount { return specs.Mount{Destination: at, Type: "tmpfs", Source: "tmpfs"} }
	with := func(list ...specs.Mount) harness.Edit { return harness.AddMount(list...) }
	and := func(edits ...harness.Edit) harness.Edit {
		return func(s *specs.Spec) {
			for _, edit := range edits {
				edit(s)
			}
		}
	}
	device := func(path string) harness.Edit {
		return func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: path, Type: "c", Major: 1, Minor: 3}}
		}
	}
	cwd := func(path string) harness.Edit { return func(s *specs.Spec) { s.Process.Cwd = path } }
	cases := map[string]harness.Edit{
		"below what is read-only":           with(bind("/v", src, "ro"), tmpfs("/v/none")),
		"there in what is read-only":        with(bind("/v", src, "ro"), tmpfs("/v/have")),
		"below in what is read-only":        with(bind("/v", src, "ro"), tmpfs("/v/have"), tmpfs("/v/have/more")),
		"all read-only":                     with(bind("/v", src, "rbind", "rro"), tmpfs("/v/none")),
		"a read-only source":                with(bind("/v", locked), tmpfs("/v/none")),
		"a link in a source":                with(bind("/v", src, "ro"), tmpfs("/v/link")),
		"a directory on a file":             with(bind("/v/f", src+"/file"), bind("/v/f", src)),
		"a tmpfs on a file":                 with(bind("/v/f", src+"/file"), tmpfs("/v/f")),
		"below a file":                      with(bind("/v/f", src+"/file"), tmpfs("/v/f/x")),
		"a file on a tmpfs":                 with(tmpfs("/v"), bind("/v", src+"/file")),
		"a file where a directory was made": with(tmpfs("/v"), tmpfs("/v/a/b"), bind("/v/a", src+"/file")),
		"a file on proc":                    with(bind("/proc", src+"/file")),
		"a directory on a device":           with(bind("/v/null", "/dev/null"), bind("/v/null", src)),
		"a directory for null":              with(bind("/dev/null", src)),
		"a file for null":                   with(bind("/dev/null", src+"/file")),
		"zero for null":                     with(bind("/dev/null", "/dev/zero")),
		"null for null":                     with(bind("/dev/null", "/dev/null")),
		"below null":                        with(tmpfs("/dev/null/x")),
		"a directory for ptmx":              with(bind("/dev/ptmx", src)),
		"a file for ptmx":                   with(bind("/dev/ptmx", src+"/file")),
		"an empty /dev":                     with(bind("/dev", src, "ro")),
		"a device in what is read-only":     and(with(bind("/v", src, "ro")), device("/v/mine")),
		"a device in the place of a file":   and(with(bind("/v", src)), device("/v/file")),
		"a directory in what is read-only":  and(with(bind("/v", src, "ro")), cwd("/v/none")),
		"a file for a directory":            and(with(bind("/v", src, "ro")), cwd("/v/file")),
		"a program that is covered":         with(tmpfs("/bin")),
		"a program by name":                 and(with(tmpfs("/bin")), harness.Args("true")),
		"a program in a file's place":       with(tmpfs("/bin"), bind("/bin/true", "/usr/bin/busybox")),
		"a program that isn't in a bind":    with(bind("/bin", src)),
	}
	for where, around := range map[string]harness.Edit{"host": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			t.Run(where+"/"+name, func(t *testing.T) {
				b := harness.New(t, around, cases[name])
				b.Chown(t)
				foretells(t, b)
			})
		}
	}
	for name, make := range map[string]func(at string) error{
		"link to nothing": func(at string) error { return os.Symlink(src+"/none", at) },
		"link":            func(at string) error { return os.Symlink(src, at) },
		"program":         func(at string) error { return os.WriteFile(at, nil, 0o755) },
	} {
		t.Run("root/"+name, func(t *testing.T) {
			b := harness.New(t)
			b.Root = harness.TempDir(t) + "/root"
			if err := make(b.Root); err != nil {
				t.Fatal(err)
			}
			foretells(t, b)
		})
	}
}
