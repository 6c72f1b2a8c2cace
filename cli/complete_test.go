package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"pl", "plan"},
		{"sta", "start state"},
		{"__", ""},
		{"--log-", "--log-format --log-level"},
		{"--log-level |", "debug error info warning"},
		{"--log-level=w", "--log-level=warning"},
		{"--log-level = w", "warning"},
		{"--log-format json vali", "validate"},
		{"--root |", ":dirs"},
		{"--criu", ""},
		{"validate --f", "--format"},
		{"validate --format |", "json sarif text"},
		{"validate |", ":files"},
		{"run --bundle |", ":dirs"},
		{"kill x RTM", ""},
		{"kill x KI", "KILL"},
		{"kill x SIGH", "SIGHUP"},
		{"kill x SIGU", "SIGURG SIGUSR1 SIGUSR2"},
		{"kill x S", "SEGV STKFLT STOP SYS"},
		{"kill --all x SIGHU", "SIGHUP"},
		{"debug --namespaces ti", "time"},
		{"debug --namespaces n", "net none"},
		{"debug --namespaces net,n", ""},
		{"--cgroup-manager |", "cgroupfs disabled systemd"},
		{"debug --namespaces net,ti", "net,time"},
		{"debug --namespaces=net,user,u", "--namespaces=net,user,uts"},
		{"debug --namespaces = net,user,u", "net,user,uts"},
		{"--log-level = error --log-format=j", "--log-format=json"},
		{"spec --preset = rea", "readonly"},
		{"spec --preset= |", ""},
		{"run --bundle=/x", ":dirs"},
		{"exec x --log-level=w", ":files"},
		{"spec --preset read", "readonly"},
		{"spec --preset readonly,li", ""},
		{"spec --preset readonly,read", ""},
		{"spec --preset readonly,host-n", "readonly,host-network"},
		{"validate --format text,", ""},
		{"seccomp ex", "explain"},
		{"seccomp explain --ar", "--arch"},
		{"seccomp explain |", ":files"},
		{"mounts ", "mounts"},
		{"mounts |", "add list remove"},
		{"mounts add --ty", "--type"},
		{"mounts add --type |", "bind tmpfs"},
		{"devices remove x |", ""},
		{"devices list x |", ""},
		{"devices add x |", ":files"},
		{"help wai", "wait"},
		{"completion |", "bash fish zsh"},
		{"exec x |", ":files"},
		{"top --sort |", "cpu id io memory oom pids pressure swap throttling"},
		{"top --format j", "json"},
		{"top --also |", ":dirs"},
		{"top --al", "--all-roots --also"},
		{"nonesuch |", ""},
		{"--nonesuch plan --di", "--diff"},
		{"|", "all commands"},
	} {
		words := strings.Fields(c.words)
		if n := len(words) - 1; words[n] == "|" {
			words[n] = ""
		}
		code, stdout, stderr := call(t, append([]string{"__complete"}, words...)...)
		var got []string
		for line := range strings.Lines(stdout) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if c.words == "|" {
			if len(got) < 20 || slices.Contains(got, "init") {
				t.Errorf("commands: %q", got)
			}
			continue
		}
		if text := strings.Join(got, " "); text != c.want || code != 0 || stderr != "" {
			t.Errorf("%q: %q, want %q (code %d, stderr %q)", c.words, text, c.want, code, stderr)
		}
	}
}

// TestCompleteKnowsAll keeps the table of what takes ids complete.
func TestCompleteKnowsAll(t *testing.T) {
	for i := range commands {
		d := &commands[i]
		if d.hidden || d.name == "create" || d.name == "run" || d.name == "restore" { // whose id is new
			continue
		}
		if d.name == "mounts" || d.name == "devices" { // whose own commands do
			continue
		}
		if _, ok := ofIDs(d.name); ok != strings.Contains(d.argsUsage, "<container-id>") {
			t.Errorf("%s takes %q: ofIDs is wrong", d.name, d.argsUsage)
		}
	}
}
