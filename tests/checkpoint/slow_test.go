package checkpoint

import (
	"os"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

// A CRIU that waits for a program longer than its own timeouts is not one that hangs: the tar of a tmpfs.
func TestSlowTar(t *testing.T) {
	need(t)
	x := begunAt(t, "/tmp/n", harness.AddMount(specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=1m"}}), harness.Shell(counting("/tmp/n")))
	dir := "/var/tmp/" + x.ID // which CRIU sees in a restore, too
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	script := "#!/bin/sh\ntest -e " + dir + "/slept || { touch " + dir + "/slept; sleep 25; }\nexec /usr/bin/tar \"$@\"\n"
	if err := os.WriteFile(dir+"/tar", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	slow := func(args ...string) {
		os.Remove(dir + "/slept")
		c := x.cmd(args...)
		c.Env = []string{"PATH=" + dir + ":/usr/sbin:/usr/bin:/sbin:/bin"}
		if r := c.Run(t); r.Code != 0 {
			fail("%s: %v", args[0], r)
		}
		if _, err := os.Stat(dir + "/slept"); err != nil {
			fail("%s: the slow tar wasn't called: %v", args[0], err)
		}
	}
	err := caught(func() {
		before := x.read()
		slow("checkpoint", "--timeout", "5", "--image-path", x.images(), "--work-path", x.images()+".work", x.ID)
		x.gone(t)
		os.Remove(x.Dir + "/pid")
		slow(x.restoreArgs("--timeout", "5", "--pid-file", x.Dir+"/pid")...)
		x.pid = harness.PID(t, x.Dir+"/pid")
		x.goesOn(before)
		x.end(t)
	})
	if err != nil {
		t.Error(err)
	}
}
