package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// bundle makes a bundle with a rootfs and the given config.json, and returns its directory.
func bundle(t testing.TB, config string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rootfs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// example is the text of an Example that was changed.
func example(t testing.TB, change func(*specs.Spec)) string {
	t.Helper()
	s := Example()
	if change != nil {
		change(s)
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoad(t *testing.T) {
	config := example(t, nil)
	dir := bundle(t, config)
	b, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Dir != dir || b.Rootfs != filepath.Join(dir, "rootfs") || string(b.Raw) != config || b.Spec.Hostname != "rung" {
		t.Errorf("Load = %+v", b)
	}
}

// Dir stays as it was named, but for being absolute; Rootfs is resolved.
func TestLoadPaths(t *testing.T) {
	dir := bundle(t, example(t, func(s *specs.Spec) { s.Root.Path = "link" }))
	if err := os.Symlink("rootfs", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(dir, alias); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(alias))
	b, err := Load("./alias")
	if err != nil {
		t.Fatal(err)
	}
	if b.Dir != alias || b.Rootfs != filepath.Join(dir, "rootfs") {
		t.Errorf("Load: Dir %s, Rootfs %s, want %s, %s", b.Dir, b.Rootfs, alias, filepath.Join(dir, "rootfs"))
	}
	for _, path := range []string{".", "./", dir, "rootfs/.."} {
		dir := bundle(t, example(t, func(s *specs.Spec) { s.Root.Path = path }))
		want := dir
		if filepath.IsAbs(path) {
			want = path
		}
		if b, err := Load(dir); err != nil || b.Rootfs != want {
			t.Errorf("Load with root.path %s = %+v, %v, want Rootfs %s", path, b, err, want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	root := func(path string) func(*testing.T) string {
		return func(t *testing.T) string {
			return bundle(t, example(t, func(s *specs.Spec) { s.Root.Path = path }))
		}
	}
	// instead makes something else of config.json.
	instead := func(f func(path string) error) func(*testing.T) string {
		return func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), ConfigName)
			if err := f(path); err != nil {
				t.Fatal(err)
			}
			return filepath.Dir(path)
		}
	}
	text := func(s string) func(*testing.T) string {
		return func(t *testing.T) string { return bundle(t, s) }
	}
	for _, tt := range []struct {
		name  string
		setup func(*testing.T) string
		want  string
	}{
		{"no file", func(t *testing.T) string { return t.TempDir() }, "JSON specification file config.json not found"},
		{"no bundle", func(t *testing.T) string { return "/no/such/bundle" }, "bundle: chdir /no/such/bundle: no such file or directory"},
		{"a file as bundle", func(t *testing.T) string { return "/proc/self/comm" }, "bundle: chdir /proc/self/comm: not a directory"},
		{"FIFO", instead(func(p string) error { return unix.Mkfifo(p, 0o600) }), "config.json: not a regular file"},
		{"directory", instead(func(p string) error { return os.Mkdir(p, 0o700) }), "config.json: not a regular file"},
		{"device", instead(func(p string) error { return os.Symlink("/dev/zero", p) }), "config.json: not a regular file"},
		{"link loop", instead(func(p string) error { return os.Symlink(p, p) }), "config.json: too many levels of symbolic links"},
		{"4 GiB", instead(func(p string) error {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(p, 4<<30)
		}), "config.json: larger than the limit of 64 MiB"},
		{"empty", text(""), "config.json: expected a value, got the end of the document (line 1, column 1)"},
		{"null", text("null"), "config.json: expected an object, got null"},
		{"half of it", text(`{"process":{"args":["a"`), "config.json: process.args[0]: expected ',' or ']', got the end of the document (line 1, column 24)"},
		{"no such rootfs", root("nothing"), "config.json: root.path: lstat "},
		{"rootfs is a file", root("config.json"), "/config.json: not a directory"},
		{"the host's root", root("/"), "config.json: root.path: must not be the root directory of the host"},
		{"the host's root, in disguise", root("/proc/self/root/tmp/.."), "config.json: root.path: must not be the root directory of the host"},
		{"everything at once", func(t *testing.T) string {
			return bundle(t, `{"ociVersion":"1.3.0","process":{"args":"sh","cwd":"x"},"root":{"path":"nothing"},"mounts":[{"destination":"/"}]}`)
		}, `process.args: expected an array, got a string (line 1, column 41); process.cwd: must be an absolute path; ` +
			`mounts[0].destination: must not be the root of the container; ` +
			`mounts[0].type: required, unless the options have "bind" or "rbind"; root.path: lstat `},
		{"no namespaces to judge by", func(t *testing.T) string {
			return bundle(t, `{"ociVersion":"1.3.0","root":{"path":"."},"hostname":"x","linux":{"namespaces":5}}`)
		}, `config.json: linux.namespaces: expected an array, got a number (line 1, column 80)`},
	} {
		done := make(chan error, 1)
		dir := tt.setup(t)
		go func() {
			b, err := Load(dir)
			if b != nil {
				t.Errorf("%s: Load = %+v, want nil", tt.name, b)
			}
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: Load: %v, want %s", tt.name, err, tt.want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: Load hangs", tt.name)
		}
	}
}

// A namespace that is joined by path and is the host's own may not be changed (R21).
func TestLoadHostNamespaces(t *testing.T) {
	join := func(ns specs.LinuxNamespaceType, path string) string {
		return example(t, func(s *specs.Spec) {
			joined(s, ns)
			s.Linux.Namespaces[len(s.Linux.Namespaces)-1].Path = path
			s.Domainname = "d"
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.msgmax": "1", "kernel.domainname": "x"}
		})
	}
	for _, tt := range []struct{ config, want string }{
		{join("network", "/proc/self/ns/net"), `config.json: linux.sysctl["net.ipv4.ip_forward"]: the network namespace to join is the host's, which must not change`},
		{join("ipc", "/proc/self/ns/ipc"), `config.json: linux.sysctl["kernel.msgmax"]: the ipc namespace to join is the host's, which must not change`},
		{join("uts", "/proc/self/ns/uts"), `config.json: hostname: the uts namespace to join is the host's, which must not change; domainname: the uts namespace ` +
			`to join is the host's, which must not change; linux.sysctl["kernel.domainname"]: the uts namespace to join is the host's, which must not change`},
		{join("network", "/no/such/file"), ""},
		{join("pid", "/proc/self/ns/pid"), ""},
	} {
		_, err := Load(bundle(t, tt.config))
		if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
			t.Errorf("Load: %v, want %q", err, tt.want)
		}
	}
}

// 10 MB of configuration take well below a second (fault 28).
func TestLoadBig(t *testing.T) {
	env := strings.Repeat(`"VARIABLE=`+strings.Repeat("x", 100)+`",`, 10<<20/113)
	keys := new(bytes.Buffer)
	for i := range 100000 {
		keys.WriteString(`"annotation.` + strings.Repeat("k", i%7) + string(rune('a'+i%26)) + time.Duration(i).String() + `":"v",`)
	}
	config := example(t, nil)
	config = strings.Replace(config, `"env": [`, `"env": [`+env, 1)
	config = strings.Replace(config, `"hostname"`, `"annotations": {`+keys.String()+`"last":""}, "hostname"`, 1)
	dir := bundle(t, config)
	start := time.Now()
	b, err := Load(dir)
	took := time.Since(start)
	if err != nil {
		t.Fatalf("Load: %.500v", err)
	}
	if limit := patience(time.Second); took > limit {
		t.Errorf("Load of %d bytes took %v, want less than %v", len(config), took, limit)
	}
	if len(b.Spec.Process.Env) < 90000 || len(b.Spec.Annotations) != 100001 {
		t.Errorf("Load: %d variables, %d annotations", len(b.Spec.Process.Env), len(b.Spec.Annotations))
	}
}

// patience is how long something may take that takes d here.
func patience(d time.Duration) time.Duration {
	if raceDetector || os.Getenv("RUNG_EMULATED") != "" {
		d *= 5
	}
	return d
}

// Nor does a configuration in which everything is wrong take long.
func TestLoadBigAndWrong(t *testing.T) {
	limit := patience(2 * time.Second)
	many := func(s string) string { return strings.TrimSuffix(strings.Repeat(s+",", 100000), ",") }
	config := `{"mounts":[` + many(`{}`) + `],"process":{"env":[` + many(`""`) + `],"rlimits":[` + many(`{}`) + `,` + many(`{"type":"RLIMIT_CPU"}`) +
		`]},"hooks":{"prestart":[` + many(`{}`) + `]},"linux":{"namespaces":[` + many(`{}`) + `,` + many(`{"type":"pid"}`) + `],"devices":[` +
		many(`{}`) + `],"uidMappings":[` + many(`{}`) + `],"maskedPaths":[` + many(`""`) + `]}}`
	for _, config := range []string{config, strings.ReplaceAll(config, "{}", "-1"), strings.ReplaceAll(config, `""`, "{}")} {
		start := time.Now()
		_, err := Load(bundle(t, config))
		if err == nil || len(err.Error()) > 10000 {
			t.Errorf("Load: %.500v, want an error that is not too long", err)
		}
		if took := time.Since(start); took > limit {
			t.Errorf("Load of %d bytes took %v, want less than %v", len(config), took, limit)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	dir := bundle(b, example(b, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}
