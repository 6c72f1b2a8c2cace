package cli

import (
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/blockers"
	"github.com/rung-oci/rung/libcontainer"
)

// A check is told to people in lines and to programs as the schema says.
func TestCheckpointCheck(t *testing.T) {
	check := &libcontainer.CheckpointCheck{
		ID: "web", Program: "/usr/sbin/criu", Version: "4.1.1", PreDump: true,
		Blockers: []libcontainer.Blocker{
			{Name: blockers.CRIU, FD: -1, What: "criu check: no"},
			{Name: blockers.File, PID: 5, FD: 0, What: "/a\nb: a file", Mend: "close it"},
		},
		Lost: []int{7},
	}
	out, err := indented(checkpointDocument(check))
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, "checkpoint-check.json", string(out))
	for _, want := range []string{`"possible": false`, `"fd": 0`, `"pid": 5`, `"lost": [`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s lacks %s", out, want)
		}
	}
	const text = "criu 4.1.1: /usr/sbin/criu, pre-dumps: yes, lazy pages: no\n" +
		"! criu: criu check: no\n! file: process 5, descriptor 0: /a\\x0ab: a file (close it)\n" +
		"- process 7 isn't dumped: it was started by an exec, and isn't a descendant of the container's init\n"
	if got := string(checkpointText(check)); got != text {
		t.Errorf("%q, want %q", got, text)
	}
	check.Blockers, check.Lost = nil, nil
	out, err = indented(checkpointDocument(check))
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, "checkpoint-check.json", string(out))
	if !strings.Contains(string(checkpointText(check)), "container web: nothing would stop a checkpoint\n") {
		t.Errorf("%s", checkpointText(check))
	}
}
