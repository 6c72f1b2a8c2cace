package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/doctor"
	"github.com/rung-oci/rung/internal/spec"
)

// TestDoctorSchema holds the output against docs/schema/doctor.json, whatever this host has.
func TestDoctorSchema(t *testing.T) {
	schema := readSchema(t, "doctor.json")
	bundle := t.TempDir()
	if err := os.Mkdir(bundle+"/rootfs", 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(spec.Example())
	if err == nil {
		err = os.WriteFile(filepath.Join(bundle, configFile), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {bundle}} {
		code, stdout, stderr := call(t, slices.Concat([]string{"--root", t.TempDir(), "doctor", "--format", "json"}, args)...)
		if code > 2 || stderr != "" {
			t.Errorf("%q: code %d, stderr %q", args, code, stderr)
		}
		var out map[string]any
		if err := json.Unmarshal([]byte(stdout), &out); err != nil {
			t.Fatalf("%q: %v: %s", args, err, stdout)
		}
		schema.fits(t, "$", out)
		if out["verdict"] != string(doctor.Statuses[code]) {
			t.Errorf("%q: verdict %v and exit code %d", args, out["verdict"], code)
		}
		for _, c := range out["checks"].([]any) {
			if need := c.(map[string]any)["need"]; args != nil && need == "usual" {
				t.Errorf("with a bundle %v", c)
			}
		}
	}
	enum := func(name string) []string { return schema.Properties["checks"].Items.Properties[name].Enum }
	if got := enum("status"); !slices.Equal(got, texts(doctor.Statuses)) {
		t.Errorf("the schema's statuses are %q", got)
	}
	if got := enum("need"); !slices.Equal(got, texts(doctor.Needs)) {
		t.Errorf("the schema's needs are %q", got)
	}
}

func texts[T ~string](list []T) (out []string) {
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// What is ok shares lines, by subject, and the rest is said in full.
func TestChecksText(t *testing.T) {
	got := checksText([]doctor.Check{
		{Name: "kernel.version", Status: doctor.OK, Found: "Linux 6.1"},
		{Name: "kernel.clone3", Status: doctor.OK},
		{Name: "kernel.openat2", Status: doctor.OK, Field: "never said"},
		{Name: "cgroup.memory", Status: doctor.Missing, Need: doctor.Required, Field: "linux.resources.memory.limit", Found: "no hierarchy has it", Fails: "limits", Mend: "boot"},
		{Name: "cgroup.cpu", Status: doctor.OK},
		{Name: "idmap./srv/a.b", Status: doctor.Degraded, Need: doctor.Optional},
		{Name: "file./dev/\x1bc", Status: doctor.OK},
		{Name: "file./dev/\ny", Status: doctor.Missing, Found: "lstat /dev/\ny: no", Field: "a\r", Fails: "b\u009b", Mend: "c\x7f"},
	})
	want := strings.TrimPrefix(`
kernel
  ok        version: Linux 6.1
  ok        clone3, openat2
cgroup
  missing   memory: no hierarchy has it
            asked for by: linux.resources.memory.limit
            fails: limits
            mend: boot
  ok        cpu
idmap
  degraded  /srv/a.b (optional)
file
  ok        /dev/\x1bc
  missing   /dev/\x0ay: lstat /dev/\x0ay: no
            asked for by: a\x0d
            fails: b\x9b
            mend: c\x7f
`, "\n")
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
