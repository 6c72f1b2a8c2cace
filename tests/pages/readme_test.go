package pages

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The steps of "Use it" work as they are typed, one after the other, in an empty directory. Installed is rung, into
// another place than /usr/local.
func TestUseIt(t *testing.T) {
	harness.NeedRung(t, "the README is rung's")
	_, section, ok := strings.Cut(read(t, top+"/README.md"), "\n## Use it\n")
	m := fence.FindStringSubmatch(section)
	if !ok || m == nil || m[1] != "sh" || !strings.HasPrefix(m[2], "make install ") {
		t.Fatal("no steps in the README")
	}
	_, steps, _ := strings.Cut(m[2], "\n")
	dir, bin := harness.TempDir(t), harness.TempDir(t)
	// Containers are in a place of the test's, where it finds what is left.
	script := "#!/bin/sh\nexec " + harness.Runtime() + " --root " + dir + "/run \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "rung"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("timeout", "-k", "5", "60", "sh", "-eux", "-c", steps)
	cmd.Dir = dir
	t.Cleanup(func() { _ = exec.Command(filepath.Join(bin, "rung"), "delete", "--force", "mybox").Run() })
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader("echo hello from $(hostname)\n")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "hello from ") {
		t.Errorf("%v: %s", err, out)
	}
}
