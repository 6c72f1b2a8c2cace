package rootless

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// What an ordinary user has `spec` write for himself runs, with every preset that goes with it.
func TestPresets(t *testing.T) {
	harness.Share(t)
	b := newBundle(t)
	for _, list := range []string{
		"rootless", "rootless,writable", "rootless,systemd", "rootless,engine-caps", "rootless,host-network",
		"rootless,no-network", "rootless,seccomp", "rootless,systemd,no-network,seccomp",
	} {
		file := b.Dir + "/config.json"
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		cmd := &harness.Cmd{Args: []string{"spec", "--bundle", b.Dir, "--preset", list}, Via: b.Via}
		cmd.Run(t).Silent(t)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Spec = new(specs.Spec)
		if err := json.Unmarshal(text, b.Spec); err != nil {
			t.Fatal(err)
		}
		b.Spec.Process.Terminal = false
		b.Spec.Process.Args = []string{"/bin/sh", "-c", "id -u; ls /sys/class/net | grep -c ."}
		b.Save(t)
		r := b.Container(t, "run")
		if r.Code != 0 || !strings.HasPrefix(r.Stdout, "0\n") || r.Stderr != "" {
			t.Errorf("%s: %v", list, r)
		}
		if strings.Contains(list, "no-network") && r.Stdout != "0\n1\n" {
			t.Errorf("%s: more interfaces than lo: %v", list, r)
		}
	}
}
