package differ

import (
	"strings"
	"testing"
)

// A fake runc that can't do without /proc, and a rung that can.
func TestJudgeHelpsRunc(t *testing.T) {
	c := Generate(1, 0, allControllers())
	c.Spec.Mounts = nil
	runs := make(map[string]int)
	run := func(c *Case, name string) (*Sight, []string) {
		runs[name]++
		s := new(Sight)
		switch {
		case name == "runc" && lacksProc(c):
			s.Add("do run", "exit 1")
			s.Failed, s.Texts = true, []string{"run: open /proc/sys/kernel/cap_last_cap: no such file or directory"}
		case name == "runc":
			s.Add("do run", "exit 0")
			s.Add("mount /proc", "proc")
			s.Add("cwd", "/elsewhere")
		default:
			s.Add("do run", "exit 0")
			s.Add("cwd", "/")
		}
		return s, nil
	}
	v := judge(c, run, 1)
	if runs["runc"] != 3 || len(v.Helped) != 1 {
		t.Errorf("runc ran %d times, want 3: without /proc, with it, and again because something differs", runs["runc"])
	}
	if len(v.Left) != 1 || v.Left[0].Key != "cwd" {
		t.Errorf("differences: %v, want that of cwd alone", v.Left)
	}
}

func TestJudgeFindsUnsteadiness(t *testing.T) {
	n := 0
	run := func(_ *Case, name string) (*Sight, []string) {
		s := new(Sight)
		if name == "rung" {
			n++
		}
		s.Add("do run", "exit %d", n/3)
		return s, nil
	}
	v := judge(Generate(1, 0, allControllers()), run, 3)
	if len(v.Left) == 0 || !strings.HasPrefix(v.Left[0].Key, "unsteady: ") {
		t.Errorf("differences: %v, want the third run's", v.Left)
	}
}

// TestTables: each entry says why, and can match.
func TestTables(t *testing.T) {
	names := make(map[string]bool)
	for _, part := range tables {
		for _, k := range part.list {
			switch {
			case k.Name == "" || !strings.HasSuffix(k.Reason, "."):
				t.Errorf("%q: the reason is no sentence: %q", k.Name, k.Reason)
			case names[k.Name]:
				t.Errorf("%q is there twice", k.Name)
			case k.Text == nil && k.Key == nil:
				t.Errorf("%q matches nothing", k.Name)
			case k.Help != nil && k.Key == nil:
				t.Errorf("%q doesn't say which lines its help changes", k.Name)
			case strings.HasPrefix(part.title, "faults that another") != strings.HasPrefix(k.Later, "issue"):
				t.Errorf("%q: reference %q under %q", k.Name, k.Later, part.title)
			}
			names[k.Name] = true
		}
	}
}
