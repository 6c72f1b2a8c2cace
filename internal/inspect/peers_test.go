package inspect

import "testing"

func TestPeers(t *testing.T) {
	list := Peers(`27 1 254:0 / / rw,relatime master:1 - ext4 /dev/vda rw
40 27 254:0 /srv/a /tmp/1 rw,relatime master:1 - ext4 /dev/vda rw
41 27 254:0 /srv/a /tmp/2 rw,relatime shared:9 master:7 - ext4 /dev/vda rw
42 27 254:0 /srv/a /tmp/3 rw,relatime - ext4 /dev/vda rw
43 27 254:0 /srvant /tmp/4 rw,relatime,idmapped master:1 - ext4 /dev/vda rw
44 27 0:5 /srv/a /tmp/5 rw,relatime master:1 - tmpfs tmpfs rw
45 27 254:0 /srv /srv rw,relatime master:1 - ext4 /dev/vda rw
46 27 254:0 /sr /sr rw,relatime master:1 - ext4 /dev/vda rw
`)
	if p := list["/tmp/4"]; !p.Mapped || p.Master != "1" {
		t.Errorf("%+v", p)
	}
	for _, tt := range []struct {
		wide, narrow string
		want         bool
	}{
		{"/", "/tmp/1", true},
		{"/srv", "/tmp/1", true},
		{"/tmp/1", "/", false},
		{"/sr", "/tmp/1", false},
		{"/tmp/3", "/tmp/1", false},
		{"/", "/tmp/2", false}, // of another master
		{"/", "/tmp/3", true},  // of none
		{"/", "/tmp/5", false}, // another file system
	} {
		wide, narrow := list[tt.wide], list[tt.narrow]
		if got := wide.Wider(&narrow); got != tt.want {
			t.Errorf("%s wider than %s: %t", tt.wide, tt.narrow, got)
		}
	}
}
