package cgroups

import (
	"maps"
	"strings"
	"testing"
)

func TestBelow(t *testing.T) {
	l := Location{"": "/u/c", "cpu": "/cpu/c", "cpuacct": "/cpu/c", "memory": "/m/c", "name=systemd": "/s/c"}
	for _, tt := range []struct {
		words string
		want  Location
		err   string
	}{
		{"", l, ""},
		{"a", Location{"": "/u/c/a", "cpu": "/cpu/c/a", "cpuacct": "/cpu/c/a", "memory": "/m/c/a", "name=systemd": "/s/c/a"}, ""},
		{"/", l, ""},
		{"/a//b/./", Location{"": "/u/c/a/b", "cpu": "/cpu/c/a/b", "cpuacct": "/cpu/c/a/b", "memory": "/m/c/a/b", "name=systemd": "/s/c/a/b"}, ""},
		{"memory:a", Location{"": "/u/c", "cpu": "/cpu/c", "cpuacct": "/cpu/c", "memory": "/m/c/a", "name=systemd": "/s/c"}, ""},
		{"cpu:a", Location{"": "/u/c", "cpu": "/cpu/c/a", "cpuacct": "/cpu/c/a", "memory": "/m/c", "name=systemd": "/s/c"}, ""},
		{"cpu,cpuacct:a name=systemd:b", Location{"": "/u/c", "cpu": "/cpu/c/a", "cpuacct": "/cpu/c/a", "memory": "/m/c", "name=systemd": "/s/c/b"}, ""},
		{"cpu:a cpuacct:b", nil, "shares a hierarchy"},
		{"cpu:a cpu:b", nil, "specified multiple times"},
		{"cpu:a b", nil, "missing <controller>: prefix"},
		{":a", nil, "empty controller"},
		{"cpu,:a", nil, "empty controller"},
		{"rdma:a", nil, "unknown controller rdma in SubCgroupPaths"},
		{"..", nil, ".. is not a sub cgroup path"},
		{"a/../../cx", nil, "a/../../cx is not a sub cgroup path"},
		{"cpu:../x", nil, "../x is not a sub cgroup path"},
	} {
		got, err := l.Below(strings.Fields(tt.words))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Below(%q): %v, want an error with %q", tt.words, err, tt.err)
			}
			continue
		}
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("Below(%q) = %v, %v; want %v", tt.words, got, err, tt.want)
		}
	}
}
