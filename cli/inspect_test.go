package cli

import (
	"encoding/json"
	"testing"

	"github.com/rung-oci/rung/internal/inspect"
	"github.com/rung-oci/rung/libcontainer"
)

var inspection = &libcontainer.Inspection{ID: "box", Status: "running", PID: 4711, Rows: []inspect.Row{
	{Subject: inspect.Namespaces, Name: "pid", Asked: "new", Found: "own 4026531999"},
	{Subject: inspect.Namespaces, Name: "network", Found: "host's 4026531840"},
	{Subject: inspect.Mounts, Name: "/a\x1b[2J", Found: "tmpfs tmpfs rw"},
	{Subject: inspect.Mounts, Name: "/proc/none", Asked: "masked", Note: "there is no such path"},
	{Subject: inspect.User, Name: "groups", Found: "5", Differs: true},
	{Subject: inspect.Limits, Name: "RLIMIT_CORE", Asked: "0:0", Found: "0:0"},
	{Subject: inspect.Cgroups, Name: "pids.max", Asked: "10", Found: "20", Differs: true},
}}

func TestInspectText(t *testing.T) {
	const want = `container box: running, pid 4711, 2 difference(s)

  namespace
    pid      own 4026531999  (asked for new)
    network  host's 4026531840

  mount
    /a\x1b[2J   tmpfs tmpfs rw
    /proc/none  -  (asked for masked; there is no such path)

  user
!   groups  5  (asked for nothing)

  limit
    RLIMIT_CORE  0:0

  cgroup
!   pids.max  20  (asked for 10)
`
	if got := string(inspectionText(inspection)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestInspectSchema holds the output against docs/schema/inspect.json.
func TestInspectSchema(t *testing.T) {
	text, err := indented(inspectionDocument(inspection))
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	readSchema(t, "inspect.json").fits(t, "$", out)
}
