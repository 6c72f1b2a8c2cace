package lifecycle

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// An error names what was typed, and no place in a list that the caller hasn't written: the container's configuration with what is added to it.
func TestErrorsNameWhatWasTyped(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "rung mounts, devices and debug")
	locked := readonlyMount(t)
	rules := harness.TempDir(t) + "/rules.json"
	if err := os.WriteFile(rules, []byte(`{"devices": [{"allow": true, "type": "c", "access": "r"}, {"allow": true, "type": "x", "access": "r"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	b := harness.New(t, harness.MappedRoot, harness.Args("/bin/sleep", "600"), writable)
	b.Chown(t)
	pid := b.Running(t)
	own := regexp.MustCompile(`mounts\[|env\[|Gids\[|config\.json`)
	for want, args := range map[string][]string{
		"set flags: options: rw: the source's":                            {"mounts", "add", "--options", "rw,exec", b.ID, locked, "/x"},
		"set recursive flags: options: rrw: the source's":                 {"mounts", "add", "--options", "rrw", b.ID, locked, "/x"},
		`options["idmap"]: map ids of the mount`:                          {"mounts", "add", "--options", "idmap", b.ID, "/proc", "/x"},
		"mount /sys at /x: uidMappings: map ids":                          {"mounts", "add", "--uid-map", "0:5:1", "--gid-map", "0:5:1", b.ID, "/sys", "/x"},
		"overlaps uidMappings[0]":                                         {"mounts", "add", "--uid-map", "0:5:1,0:6:1", "--gid-map", "0:5:1", b.ID, "/etc", "/x"},
		"mount at /x: uidMappings: ids of what is in":                     {"mounts", "add", "--uid-map", "0:5:1", "--gid-map", "0:5:1", b.ID, b.Rootfs, "/x"},
		"device /x: uid 99999999 is not mapped":                           {"devices", "add", "--uid", "99999999", b.ID, "/dev/null", "/x"},
		`option --env: "frob": invalid environment variable: missing '='`: {"exec", "--env", "A=b", "--env", "frob", b.ID, "/bin/true"},
		`option --cwd: Cwd must be an absolute path: "tmp"`:               {"exec", "--cwd", "tmp", b.ID, "/bin/true"},
		"option --additional-gids 3000000: not mapped in the user name":   {"exec", "--additional-gids", "5", "--additional-gids", "3000000", b.ID, "/bin/true"},
		`linux.resources.devices[1].type: unknown type "x"`:               {"update", "--resources", rules, b.ID},
		"option --rootfs: it must not be the root directory of the hos":   {"debug", b.ID, "--rootfs", "/", "--", "true"},
		"mount proc at /proc: make directory /proc: read-only file sys":   {"debug", b.ID, "--rootfs", locked, "--", "true"},
	} {
		r := b.Run(t, args...)
		code := 1
		if args[0] == "exec" || args[0] == "debug" {
			code = 255
		}
		r.Fails(t, code, strings.ReplaceAll(want, `"`, `\"`)) // as a log has it
		if own.MatchString(r.Stderr) {
			t.Errorf("it names what nobody has typed: %v", r)
		}
	}
	b.End(t, pid)
}
