package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/libcontainer"
)

func twoStates() []*libcontainer.State {
	return []*libcontainer.State{
		{
			OCIVersion: "1.3.0", ID: "web", PID: 4711, Status: specs.StateRunning, Bundle: "/b", Rootfs: "/b/rootfs",
			Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Annotations: map[string]string{"b": "2", "a": "1"},
		},
		{
			OCIVersion: "1.0.2", ID: "a-very-long-name", Status: specs.StateStopped, Bundle: "/c", Rootfs: "/c/r",
			Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), UID: 1000,
		},
	}
}

func someOwners() *owners { return &owners{names: map[uint32]string{0: "root"}} }

func TestWriteState(t *testing.T) {
	const want = `{
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 4711,
  "status": "running",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-01-02T02:04:05.000000006Z",
  "annotations": {
    "a": "1",
    "b": "2"
  },
  "owner": ""
}`
	w := jsontext.NewWriter(nil, "  ")
	writeState(&w, twoStates()[0], "")
	if got := string(w.Bytes()); got != want {
		t.Errorf("writeState() = %s, want %s", got, want)
	}
}

func TestListJSON(t *testing.T) {
	got := listJSON(twoStates(), someOwners())
	if strings.Count(string(got), "\n") != 1 {
		t.Errorf("listJSON() = %q, want one line", got)
	}
	var list []map[string]any
	if err := json.Unmarshal(got, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0]["owner"] != "root" || list[1]["owner"] != "#1000" || list[1]["pid"] != 0.0 || list[1]["annotations"] != nil {
		t.Errorf("listJSON() = %v", list)
	}
	if got := string(listJSON(nil, someOwners())); got != "null\n" {
		t.Errorf("listJSON(nil) = %q, want null", got)
	}
}

func TestListTable(t *testing.T) {
	const want = "" +
		"ID                 PID         STATUS      BUNDLE      CREATED                          OWNER\n" +
		"web                4711        running     /b          2026-01-02T02:04:05.000000006Z   root\n" +
		"a-very-long-name   0           stopped     /c          2026-01-02T03:04:05Z             #1000\n"
	if got := string(listTable(twoStates(), someOwners())); got != want {
		t.Errorf("listTable() =\n%s, want\n%s", got, want)
	}
	const empty = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n" // runc 1.1.5's
	if got := string(listTable(nil, someOwners())); got != empty {
		t.Errorf("listTable(nil) = %q, want %q", got, empty)
	}
}

// What a bundle is called doesn't move the cursor.
func TestListTableClean(t *testing.T) {
	s := twoStates()[:1]
	s[0].Bundle = "/b\x1b[2J\nfake"
	if got := string(listTable(s, someOwners())); strings.Contains(got, "\x1b") || strings.Count(got, "\n") != 2 || !strings.Contains(got, " /b?[2J?fake ") {
		t.Errorf("listTable() = %q", got)
	}
}

func TestListRoots(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "nosuch")
	if code, stdout, stderr := callIn(t, []string{"rung", "--root", missing, "list"}); code != 0 || !strings.HasPrefix(stdout, "ID ") || stderr != "" {
		t.Errorf("missing --root: exit code %d, stdout %q, stderr %q, want an empty list", code, stdout, stderr)
	}
	if code, stdout, stderr := call(t, "list", "-q"); code != 0 || stdout != "" || stderr != "" {
		t.Errorf("empty --root: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// A container that can't be read doesn't hide the others, nor does it spoil stdout.
func TestListProblem(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "broken"), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "broken", "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := callIn(t, []string{"rung", "--root", root, "list", "-f", "json"})
	if code != 0 || stdout != "null\n" || !strings.Contains(stderr, "broken") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestReadPasswd(t *testing.T) {
	names := readPasswd("root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n# c:x:7:7\nbad\nbad:x:-1:1:\nbad:x:4294967296:1::\nme:x:1000:1000:,,,:/home/me:/bin/sh")
	if len(names) != 2 || names[0] != "root" || names[1000] != "me" {
		t.Errorf("readPasswd() = %v", names)
	}
}

func FuzzReadPasswd(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\n")
	f.Add(":::\n::::::\x00")
	f.Fuzz(func(t *testing.T, text string) {
		for uid, name := range readPasswd(text) {
			if name == "" || strings.ContainsAny(name, ":\n") {
				t.Errorf("name of %d is %q", uid, name)
			}
		}
	})
}

// A directory of somebody else's, which gc leaves alone, is no container whose create was killed.
func TestListForeign(t *testing.T) {
	root := t.TempDir()
	for name, mode := range map[string]os.FileMode{"foreign": 0o755, ".hidden": 0o755, "ours": 0o711} {
		if err := os.Mkdir(root+"/"+name, mode); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := call(t, "--root", root, "list", "--quiet")
	if code != 0 || stdout != "ours\n" || strings.Contains(stderr, "foreign") || strings.Contains(stderr, ".hidden") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := call(t, "--root", root, "state", "foreign"); code != 1 || !strings.Contains(stderr, "does not exist") {
		t.Errorf("code %d, %q", code, stderr)
	}
}
