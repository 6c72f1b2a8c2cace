package state

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/jsontext"
)

// liveName is the file of a [Live].
const liveName = "live.json"

// Live is what a container has been given since it was created. Resources are in a file of their own.
type Live struct {
	Mounts  []LiveMount
	Devices []LiveDevice
}

// LiveMount is a mount.
type LiveMount struct {
	Destination string
	Type        string // of the file system; "" of a bind
	Source      string
	Options     []string
	ID          uint64 // of the mount, see statx(2), STATX_MNT_ID_UNIQUE
	// How ids of its files are mapped; none: they aren't, or as the container's are.
	UIDMappings, GIDMappings []specs.LinuxIDMapping
}

// LiveDevice is a device file.
type LiveDevice struct {
	Path         string
	Type         string // c, b
	Major, Minor int64
	Access       string // that the rule allows
	ID           uint64 // of the mount that the file is; 0: it is a file of its own
	Made         bool   // there was no such file before
	On           uint64 // the mount that a file of its own was made on; 0: that wasn't seen
	Rule         bool   // no rule of the container's allowed that before
}

// WriteLive writes it down.
func (e *Entry) WriteLive(l *Live) error { return e.WriteLiveAfter(l, func() error { return nil }) }

// WriteLiveAfter writes it down when something is done that makes it true, which isn't begun if it can't be written.
func (e *Entry) WriteLiveAfter(l *Live, do func() error) error {
	if err := e.Prepare(liveName, encodeLive(l)); err != nil {
		return err
	}
	if err := do(); err != nil {
		e.Drop(liveName)
		return err
	}
	return e.Commit(liveName)
}

func encodeLive(l *Live) []byte {
	w := jsontext.NewWriter(nil, "")
	w.BeginObject()
	w.Key("mounts")
	w.BeginArray()
	for i := range l.Mounts {
		m := &l.Mounts[i]
		w.BeginObject()
		str(&w, "destination", m.Destination)
		str(&w, "type", m.Type)
		str(&w, "source", m.Source)
		w.Key("options")
		w.BeginArray()
		for _, o := range m.Options {
			w.String(o)
		}
		w.EndArray()
		str(&w, "id", fmt.Sprint(m.ID)) // larger than what some read from a JSON number
		mappings(&w, "uidMappings", m.UIDMappings)
		mappings(&w, "gidMappings", m.GIDMappings)
		w.EndObject()
	}
	w.EndArray()
	w.Key("devices")
	w.BeginArray()
	for i := range l.Devices {
		d := &l.Devices[i]
		w.BeginObject()
		str(&w, "path", d.Path)
		str(&w, "type", d.Type)
		w.Key("major")
		w.Int(d.Major)
		w.Key("minor")
		w.Int(d.Minor)
		str(&w, "access", d.Access)
		str(&w, "id", fmt.Sprint(d.ID))
		boolean(&w, "made", d.Made)
		str(&w, "on", fmt.Sprint(d.On))
		boolean(&w, "rule", d.Rule)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	return w.Bytes()
}

// mappings writes ids and sizes in threes, if there are any.
func mappings(w *jsontext.Writer, key string, list []specs.LinuxIDMapping) {
	if len(list) == 0 {
		return
	}
	w.Key(key)
	w.BeginArray()
	for _, m := range list {
		for _, n := range [...]uint32{m.ContainerID, m.HostID, m.Size} {
			w.Int(int64(n))
		}
	}
	w.EndArray()
}

func readMappings(r *jsontext.Reader) (list []specs.LinuxIDMapping) {
	var words []uint32
	for r.BeginArray(); r.More(); {
		words = append(words, uint32(r.ReadInt(64)))
	}
	for ; len(words) >= 3; words = words[3:] {
		list = append(list, specs.LinuxIDMapping{ContainerID: words[0], HostID: words[1], Size: words[2]})
	}
	return list
}

// writeOwned is WriteFile for who may not be the owner of the entry: root, who changes an ordinary user's container.
func (e *Entry) writeOwned(name string, data []byte) error {
	if err := e.Prepare(name, data); err != nil {
		return err
	}
	return e.Commit(name)
}

// Live reads it back; it is empty for a container that was given nothing.
func (e *Entry) Live() (*Live, error) {
	data, err := e.read(liveName)
	if errors.Is(err, unix.ENOENT) {
		return &Live{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", e.Dir, liveName, err)
	}
	l, r := &Live{}, jsontext.NewReader(data)
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "mounts":
			for r.BeginArray(); r.More(); {
				l.Mounts = append(l.Mounts, readLiveMount(&r))
			}
		case "devices":
			for r.BeginArray(); r.More(); {
				l.Devices = append(l.Devices, readLiveDevice(&r))
			}
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Err() != nil {
		return nil, fmt.Errorf("read %s/%s: %w: %w", e.Dir, liveName, ErrDamaged, r.Err())
	}
	return l, nil
}

func readLiveMount(r *jsontext.Reader) (m LiveMount) {
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "destination":
			m.Destination = r.ReadString()
		case "type":
			m.Type = r.ReadString()
		case "source":
			m.Source = r.ReadString()
		case "options":
			for r.BeginArray(); r.More(); {
				m.Options = append(m.Options, r.ReadString())
			}
		case "uidMappings":
			m.UIDMappings = readMappings(r)
		case "gidMappings":
			m.GIDMappings = readMappings(r)
		case "id":
			m.ID = readID(r)
		default:
			r.Skip()
		}
	}
	return m
}

func readLiveDevice(r *jsontext.Reader) (d LiveDevice) {
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "path":
			d.Path = r.ReadString()
		case "type":
			d.Type = r.ReadString()
		case "major":
			d.Major = r.ReadInt(64)
		case "minor":
			d.Minor = r.ReadInt(64)
		case "access":
			d.Access = r.ReadString()
		case "id":
			d.ID = readID(r)
		case "made":
			d.Made = r.ReadBool()
		case "on":
			d.On = readID(r)
		case "rule":
			d.Rule = r.ReadBool()
		default:
			r.Skip()
		}
	}
	return d
}

func readID(r *jsontext.Reader) (id uint64) {
	if _, err := fmt.Sscan(r.ReadString(), &id); err != nil {
		r.Fail("is not the id of a mount")
	}
	return id
}
