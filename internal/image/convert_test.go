package image

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
)

func example() *specs.Spec { return spec.Example() }

func TestApply(t *testing.T) {
	c, err := decodeConfig([]byte(`{
		"created": "2026-01-02T03:04:05Z", "author": "A <a@example.com>", "architecture": "arm64", "variant": "v8",
		"os": "linux", "os.version": "6", "os.features": ["x", "y"],
		"config": {
			"User": "7:8", "WorkingDir": "/srv", "StopSignal": "SIGINT",
			"Env": ["PATH=/bin", "A=1"], "Entrypoint": ["/init"], "Cmd": ["serve", "-v"],
			"ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}, "/dev/shm/": {}},
			"Labels": {"who": "me", "org.opencontainers.image.author": "B", "run.oci.hooks.stderr": "x", "org.systemd.property.User": "'root'"}
		},
		"rootfs": {"type": "layers", "diff_ids": []}, "history": [{"empty_layer": true}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	s := example()
	omitted := c.Apply(s)
	if !slices.Equal(omitted, []string{"org.systemd.property.User", "run.oci.hooks.stderr"}) {
		t.Errorf("left out: %q", omitted)
	}
	if !slices.Equal(s.Process.Args, []string{"/init", "serve", "-v"}) || s.Process.Cwd != "/srv" {
		t.Errorf("%q in %s", s.Process.Args, s.Process.Cwd)
	}
	if !slices.Equal(s.Process.Env, []string{"PATH=/bin", "A=1", "TERM=xterm"}) {
		t.Errorf("%q", s.Process.Env)
	}
	const p = "org.opencontainers.image."
	want := map[string]string{
		p + "os": "linux", p + "os.version": "6", p + "os.features": "x,y", p + "architecture": "arm64", p + "variant": "v8",
		p + "author": "B", p + "created": "2026-01-02T03:04:05Z", p + "exposedPorts": "53/udp,80/tcp", p + "stopSignal": "SIGINT", "who": "me",
	}
	if !maps.Equal(s.Annotations, want) {
		t.Errorf("%v, want %v", s.Annotations, want)
	}
	more := s.Mounts[len(example().Mounts):]
	if len(more) != 1 || more[0].Destination != "/data" || more[0].Type != "tmpfs" || !slices.Contains(more[0].Options, "tmpcopyup") {
		t.Errorf("volumes: %v", more)
	}
}

// What an image doesn't say stays as it was.
func TestApplyNothing(t *testing.T) {
	s := example()
	new(Config).Apply(s)
	if p := s.Process; p.Args[0] != "sh" || p.Cwd != "/" || len(p.Env) != 2 || len(s.Annotations) != 0 || len(s.Mounts) != len(example().Mounts) {
		t.Errorf("%+v", s)
	}
}

type files map[string]string

func (f files) get(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, unix.ENOENT
}

func (f files) Passwd() ([]byte, error) { return f.get("passwd") }
func (f files) Group() ([]byte, error)  { return f.get("group") }

func TestIdentity(t *testing.T) {
	in := files{"passwd": "web:x:33:34::/srv:/bin/sh\n", "group": "www:x:34:\nlogs:x:35:web\n"}
	for asked, want := range map[string]string{
		"": "-", "7": "7:0", "7:8": "7:8", "web": "33:34 35", "web:logs": "33:35", "7:logs": "7:35",
		"nobody": "no such user", "4294967295": "not in the range", "1x": "not a decimal number",
	} {
		who, ok, err := (&Config{User: asked}).Identity(in)
		got := "-"
		switch {
		case err != nil:
			got = err.Error()
		case ok:
			got = number(who.UID) + ":" + number(who.GID)
			for _, gid := range who.Additional {
				got += " " + number(gid)
			}
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", asked, got, want)
		}
	}
	if _, _, err := (&Config{User: "web"}).Identity(nil); err == nil || !strings.Contains(err.Error(), "user web of the image: names are looked up") {
		t.Errorf("without a root filesystem: %v", err)
	}
	if who, ok, err := (&Config{User: "5:6"}).Identity(nil); !ok || err != nil || who.UID != 5 || who.GID != 6 {
		t.Errorf("%v, %v, %v", who, ok, err)
	}
}

func number(n uint32) string { return strconv.Itoa(int(n)) }
