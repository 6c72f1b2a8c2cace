package spec

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// specDir is the directory of the runtime-spec, with its text and its schema.
func specDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	if err != nil {
		t.Skipf("needs the go command and the module runtime-spec: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// upstream returns the files of the runtime-spec's own tests of its schema.
func upstream(t *testing.T, dir string) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(specDir(t), "schema/test/config", dir, "*.json"))
	if len(files) == 0 {
		t.Skip("the module runtime-spec is there without its tests")
	}
	return files
}

func TestUpstreamGood(t *testing.T) {
	for _, file := range upstream(t, "good") {
		name := filepath.Base(file)
		data := read(t, file)
		got, err := Decode(data)
		if err != nil {
			t.Errorf("%s: Decode: %v", name, err)
			continue
		}
		want := new(specs.Spec)
		if err := json.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Decode = %+v, want %+v", name, got, want)
		}
		if strings.HasPrefix(name, "freebsd-") || strings.HasPrefix(name, "zos-") {
			continue
		}
		text := ""
		if err := Validate(got); err != nil {
			text = err.Error()
		}
		if text != wrongUpstream[name] {
			t.Errorf("%s: Validate: %q, want %q", name, text, wrongUpstream[name])
		}
	}
}

// wrongUpstream are the problems of good examples that a schema can't see.
var wrongUpstream = map[string]string{
	"linux-netdevice.json": `config.json: linux.netDevices: needs linux.namespaces to list "network"`, // the host's devices would not move
	"spec-example.json":    "config.json: ociVersion: version 0.5.0-dev is not supported, only 1.x is",
}
