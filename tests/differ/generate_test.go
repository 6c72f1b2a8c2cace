package differ

import (
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func allControllers() *Facts {
	return &Facts{Controllers: map[string]bool{"memory": true, "pids": true, "cpu": true, "cpuset": true, "blkio": true, "hugetlb": true}}
}

func TestGenerateIsDeterministic(t *testing.T) {
	for i := range uint64(100) {
		a, b := Generate(7, i, allControllers()).text(), Generate(7, i, allControllers()).text()
		if a != b {
			t.Fatalf("case %d differs between two calls:\n%s\n%s", i, a, b)
		}
	}
	if Generate(7, 0, allControllers()).text() == Generate(8, 0, allControllers()).text() {
		t.Error("two seeds make the same case")
	}
}

func TestGenerateIsSafe(t *testing.T) {
	for i := range uint64(2000) {
		c := Generate(1, i, allControllers())
		if why := danger(c); why != "" {
			t.Fatalf("case %d: %s", i, why)
		}
		if made, _ := c.has(specs.MountNamespace); !made {
			t.Fatalf("case %d has no mount namespace of its own", i)
		}
		if again := c.clone(); again.text() != c.text() {
			t.Fatalf("case %d isn't the same after a copy", i)
		}
	}
}

// TestGenerateHasAll: every feature appears often enough in 500 cases.
func TestGenerateHasAll(t *testing.T) {
	want := map[string]int{
		"no mounts":       25,
		`"terminal":true`: 30, `"prestart"`: 20, `"createRuntime"`: 20, `"createContainer"`: 20, `"startContainer"`: 20, `"poststart"`: 20, `"poststop"`: 20,
		`"type":"user"`: 60, `"type":"time"`: 50, `"type":"cgroup"`: 150, "@HOLDER@/ns/net": 30, "@HOLDER@/ns/pid": 20, "@HOLDER@/ns/user": 8,
		"@HOLDER@/ns/time": 10, "@HOLDER@/ns/cgroup": 20, "@HOLDER@/ns/ipc": 20, "@HOLDER@/ns/uts": 20, `"type":"overlay"`: 50, `"type":"mqueue"`: 100,
		`"type":"devpts"`: 100, `"type":"sysfs"`: 100, `"type":"proc"`: 150, `"ambient"`: 50, `"rlimits"`: 80, `"umask"`: 80, `"oomScoreAdj"`: 50,
		`"scheduler"`: 15, `"ioPriority"`: 15, `"personality"`: 10, `"sysctl"`: 50, `"seccomp"`: 70, "SCMP_ACT_ERRNO": 70, `"maskedPaths"`: 150, `"readonlyPaths"`: 150,
		`"rootfsPropagation"`: 40, `"readonly":true`: 60, `"execs"`: 80, `"--process"`: 0, "--preserve-fds": 30, "--log-format": 30, `"pause":true`: 15, `"kill":`: 40,
		`"memory"`: 40, `"pids"`: 40, `"devices"`: 150, `"timeOffsets"`: 15, `"annotations"`: 50, `"noNewPrivileges":true`: 80, "nonesuch": 100, `"consoleSize"`: 10,
	}
	got := make(map[string]int)
	for i := range uint64(500) {
		c := Generate(1, i, allControllers())
		text := strings.NewReplacer("\n", "", " ", "").Replace(c.text())
		if len(c.Spec.Mounts) == 0 {
			got["no mounts"]++
		}
		for word := range want {
			if strings.Contains(text, word) {
				got[word]++
			}
		}
	}
	for word, n := range want {
		if got[word] < n {
			t.Errorf("%s is in %d of 500 cases, want %d or more", word, got[word], n)
		}
	}
}

func TestDanger(t *testing.T) {
	safe := func() *Case { return Generate(1, 0, allControllers()) }
	tests := map[string]func(*Case){
		"no mount namespace": func(c *Case) { c.Spec.Linux.Namespaces = nil },
		"source outside":     func(c *Case) { c.Spec.Mounts = []specs.Mount{mount("/mnt", "bind", "/etc", "bind")} },
		"source climbs":      func(c *Case) { c.Spec.Mounts = []specs.Mount{mount("/mnt", "bind", "../../etc", "bind")} },
		"host's sysctl":      func(c *Case) { c.Spec.Linux.Sysctl = map[string]string{"kernel.sysrq": "1"}; dropNamespace(c, "ipc") },
		"another cgroup":     func(c *Case) { c.Spec.Linux.CgroupsPath = "/other" },
		"host's name":        func(c *Case) { c.Spec.Hostname = "x"; dropNamespace(c, "uts") },
		"nobody holds": func(c *Case) {
			c.Holder = nil
			c.Spec.Linux.Namespaces = append(c.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: "x", Path: "/proc/1/ns/net"})
		},
	}
	for name, edit := range tests {
		c := safe()
		edit(c)
		if danger(c) == "" {
			t.Errorf("%s: taken for safe", name)
		}
	}
}

func dropNamespace(c *Case, kind specs.LinuxNamespaceType) {
	var kept []specs.LinuxNamespace
	for _, ns := range c.Spec.Linux.Namespaces {
		if ns.Type != kind {
			kept = append(kept, ns)
		}
	}
	c.Spec.Linux.Namespaces = kept
}

// TestGenerateHasReported: each kind of what users have reported appears in 1000 cases.
func TestGenerateHasReported(t *testing.T) {
	want := []string{
		`"path":"/dev/ptmx"`, `"path":"/dev/console"`, `"HOME="`, `"CAP_NONESUCH"`, `"CAP_SYS_RESOURCE"`, `"/",`, `"seccomp":{"defaultAction":"SCMP_ACT_ERRNO","syscalls"`,
		`"kill_new":"TERM"`, `"kill_new":"HUP"`, `"forward":"PIPE"`, `"list":true`, `"ps":true`, `"file_size"`, `"access":"rwa"`, `"policy":"SCHED_DEADLINE","nice":1`,
		`"keys":["unknown"`, `"swappiness":60`, `"disableOOMKiller":true`, `"limit":0`, `"limit":8192`, `"cpu":{"period":10}`, `"path":"/srv/file"`, `"fileMode":388,"uid":3`,
	}
	facts := allControllers()
	facts.V2 = true
	seen := make(map[string]bool)
	contradict := 0
	for i := range uint64(1000) {
		c := Generate(1, i, facts)
		text := strings.NewReplacer("\n", "", " ", "").Replace(c.text())
		for _, word := range want {
			seen[word] = seen[word] || strings.Contains(text, word)
		}
		if _, joined := c.has(specs.UserNamespace); joined && len(c.Spec.Linux.UIDMappings) > 0 {
			contradict++
		}
	}
	for _, word := range want {
		if !seen[word] {
			t.Errorf("%s is in none of 1000 cases", word)
		}
	}
	if contradict == 0 {
		t.Error("no maps beside a user namespace to join")
	}
}
