package report

import "testing"

func TestParseMounts(t *testing.T) {
	const text = `36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
22 27 0:21 / /proc rw,relatime - proc proc rw
`
	got := ParseMounts(text)
	want := []Mount{
		{36, 35, "98:0", "/mnt1", "/mnt 2", "rw,noatime", "master:1 propagate_from:2", "ext3", "/dev/root", "rw,errors=continue"},
		{22, 27, "0:21", "/", "/proc", "rw,relatime", "", "proc", "proc", "rw"},
	}
	if len(got) != len(want) {
		t.Fatalf("ParseMounts() has %d mounts, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("ParseMounts()[%d] = %+v, want %+v", i, got[i], want[i])
		}
	}
}
