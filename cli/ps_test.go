package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPSTable(t *testing.T) {
	const full = `UID        PID  PPID  C STIME TTY          TIME CMD
root         1     0  0 10:00 ?        00:00:00 /sbin/init
root        42     1  0 10:00 ?        00:00:00 sleep 43
user        43    42  0 10:00 ?        00:00:00 sleep 42
longuser+  142    42  0 10:00 ?        00:00:00 two  blanks
`
	for _, c := range []struct {
		name, text string
		pids       []int
		want       string // lines by number, 0 is the header
		err        string
	}{
		{"some", full, []int{42, 142}, "0 2 4", ""},
		{"all", full, []int{1, 42, 43, 142}, "0 1 2 3 4", ""},
		{"none", full, nil, "0", ""},
		{"gone", full, []int{7}, "0", ""},
		{"no newline at the end", strings.TrimSuffix(full, "\n"), []int{142}, "0 4", ""},
		{"pid last", "COMMAND                       PID\nsleep 7                        42\nsleep 42                        7\n", []int{42}, "0 1", ""},
		{"pid first", "    PID COMMAND\n     42 sleep 7\n      7 sleep 42\n", []int{42}, "0 1", ""},
		{"blanks before", "                 STARTED     PID\nWed Nov 25 21:27:57 2026      42\n", []int{42}, "0 1", ""},
		{"a column that is too wide", "  UID   PID CMD\n4294967294    42 x\n    0    43 y\n", []int{42}, "0 1", ""},
		{"busybox", "PID   USER     TIME  COMMAND\n   42 root      0:00 sleep 7\n    7 root      0:00 sleep 42\n", []int{42}, "0 1", ""},
		{"no PID", "USER     CMD\nroot     x\n", []int{1}, "", "couldn't find PID field in ps output"},
		{"PPID only", " PPID CMD\n    1 x\n", []int{1}, "", "couldn't find PID field in ps output"},
		{"nothing", "", []int{1}, "", "couldn't find PID field in ps output"},
		{"no number", "  PID CMD\n  abc x\n", []int{1}, "", `unable to parse pid in ps output "  abc x"`},
		{"short line", "CMD   PID\nx\n", []int{1}, "", `unable to parse pid in ps output "x"`},
	} {
		got, err := psTable(c.text, c.pids)
		text := ""
		if err != nil {
			text = err.Error()
		}
		want := ""
		lines := strings.SplitAfter(strings.TrimSuffix(c.text, "\n")+"\n", "\n")
		for _, n := range strings.Fields(c.want) {
			want += lines[n[0]-'0']
		}
		if string(got) != want || text != c.err {
			t.Errorf("%s: %q, %q, want %q, %q", c.name, got, text, want, c.err)
		}
	}
}

func TestPSJSON(t *testing.T) {
	if got := string(psJSON([]int{1, 4194304})); got != "[1,4194304]\n" {
		t.Errorf("psJSON = %q", got)
	}
	if got := string(psJSON(nil)); got != "null\n" {
		t.Errorf("psJSON of none = %q", got)
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"good/ps": 0o755, "data/ps": 0o644, "dir/ps/x": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for path, want := range map[string]string{
		dir + "/none:" + dir + "/data:" + dir + "/dir:" + dir + "/good": dir + "/good/ps",
		"good:./good:." + "::" + dir + "/good":                          dir + "/good/ps",
		"good":                                                          "",
		":":                                                             "",
	} {
		got, err := lookPath("ps", path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("lookPath(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := lookPath("sh", ""); err != nil {
		t.Errorf("lookPath without PATH: %v", err)
	}
}

func TestHostPS(t *testing.T) {
	text, err := hostPS([]string{"-o", "pid", "-p", "1"})
	if err != nil || !strings.HasPrefix(strings.TrimSpace(text), "PID") {
		t.Errorf("hostPS = %q, %v", text, err)
	}
	_, err = hostPS([]string{"--no-such-option"})
	if err == nil || !strings.HasPrefix(err.Error(), "ps --no-such-option: exit status 1: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("hostPS of a mistake = %v", err)
	}
}
