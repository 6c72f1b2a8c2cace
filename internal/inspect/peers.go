package inspect

import "strings"

// A Peer is a mount that can be seen, and whom it shares with.
type Peer struct {
	Device string // of its file system, "8:1"
	Root   string // what of the file system is mounted
	Point  string
	Master string // the peer group that it is a slave of; "": of none
	Mapped bool   // its ids are mapped
}

// Peers are the mounts that can be seen, by their mount points.
func Peers(mountinfo string) map[string]Peer {
	seen, _ := parseMounts(mountinfo)
	list := make(map[string]Peer, len(seen))
	for point, m := range seen {
		p := Peer{Device: m.device, Root: m.root, Point: point, Mapped: m.has("idmapped")}
		for _, tag := range m.tags {
			if id, ok := strings.CutPrefix(tag, "master:"); ok {
				p.Master = id
			}
		}
		list[point] = p
	}
	return list
}

// Wider tells whether more of the same file system is mounted here than there, for the same master, if there is one.
func (p *Peer) Wider(than *Peer) bool {
	inside := p.Root == "/" || strings.HasPrefix(than.Root, p.Root+"/")
	return p.Device == than.Device && !p.Mapped && inside && len(p.Root) < len(than.Root) && (than.Master == "" || p.Master == than.Master)
}
