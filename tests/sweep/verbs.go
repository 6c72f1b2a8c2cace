package sweep

import (
	"slices"
	"strings"
)

// A verb is a call of the runtime, what it is made after, and in which states a container may be when it has
// succeeded and when it has failed.
type verb struct {
	name      string
	program   string // of the container: sleep if it isn't named
	before    []string
	args      func(s *sweep) []string
	good, bad string
	root      bool // not for ordinary users
	tty       bool // its standard streams are a terminal where the container wants one
	others    bool // looks at every container, and says of each by a line without a level what can't be done with it
}

func on(words ...string) func(s *sweep) []string {
	return func(s *sweep) []string {
		at := slices.Index(words, "ID")
		return append(append(slices.Clone(words[:at]), s.b.ID), words[at+1:]...)
	}
}

var (
	creates = []string{"create"}
	starts  = []string{"create", "start"}
)

var verbs = []verb{
	{name: "create", args: func(s *sweep) []string { return s.create("--pid-file", s.pidFile()) }, good: "created", bad: "none"},
	{name: "run", program: "/bin/true", args: func(s *sweep) []string { return []string{"run", "--bundle", s.b.Dir, s.b.ID} }, good: "none", bad: "none stopped", tty: true},
	{name: "start", before: creates, args: on("start", "ID"), good: "running", bad: "created stopped running"},
	{name: "exec", before: starts, args: func(s *sweep) []string {
		if s.terminal() {
			return []string{"exec", "--tty", s.b.ID, "/bin/true"}
		}
		return []string{"exec", s.b.ID, "/bin/true"}
	}, good: "running", bad: "running", tty: true},
	{name: "state", before: starts, args: on("state", "ID"), good: "running", bad: "running"},
	{name: "kill", before: starts, args: on("kill", "ID", "KILL"), good: "running stopped", bad: "running stopped"},
	{name: "pause", before: starts, args: on("pause", "ID"), good: "paused", bad: "running paused"},
	{name: "resume", before: []string{"create", "start", "pause"}, args: on("resume", "ID"), good: "running", bad: "running paused"},
	{name: "update", before: starts, args: func(s *sweep) []string { return []string{"update", "--resources", s.b.Dir + "/resources.json", s.b.ID} }, good: "running", bad: "running"},
	{name: "delete", before: starts, args: on("delete", "--force", "ID"), good: "none", bad: "none running stopped"},
	{name: "list", before: creates, args: func(*sweep) []string { return []string{"list"} }, good: "created", bad: "created", others: true},
	{name: "ps", before: starts, args: on("ps", "--format", "json", "ID"), good: "running", bad: "running"},
	{name: "events", before: starts, args: on("events", "--stats", "ID"), good: "running", bad: "running"},
	{name: "gc", before: creates, args: func(*sweep) []string { return []string{"gc", "--apply"} }, good: "created", bad: "created", others: true},
	{name: "mounts add", before: starts, args: on("mounts", "add", "--type", "tmpfs", "ID", "tmpfs", "/tmp"), good: "running", bad: "running", root: true},
	{name: "devices add", before: starts, args: on("devices", "add", "ID", "/dev/full", "/dev/other"), good: "running", bad: "running", root: true},
}

// allowed tells whether a state is one of some.
func allowed(state, list string) bool { return slices.Contains(strings.Fields(list), state) }
