package state

import (
	"time"

	"github.com/rung-oci/rung/internal/jsontext"
)

// exitName is the file of an [Exit]. There is none as long as nobody has seen the end.
const exitName = "exit.json"

// Exit is how a container's init has ended, as somebody has seen it.
type Exit struct {
	Status    int       // 128 and the signal's number if one ended it
	At        time.Time // when it was seen
	OOMKilled bool      // the kernel killed a process of the container's for want of memory
}

// WriteExit writes it down.
func (e *Entry) WriteExit(x *Exit) error {
	w := jsontext.NewWriter(nil, "")
	w.BeginObject()
	w.Key("status")
	w.Int(int64(x.Status))
	str(&w, "at", x.At.UTC().Format(time.RFC3339Nano))
	boolean(&w, "oom_killed", x.OOMKilled)
	w.EndObject()
	return e.writeOwned(exitName, w.Bytes())
}

// Exit reads it; nil if it isn't known.
func (e *Entry) Exit() *Exit {
	data, err := e.read(exitName)
	if err != nil {
		return nil
	}
	x, r, at := &Exit{}, jsontext.NewReader(data), ""
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "status":
			x.Status = int(r.ReadInt(32))
		case "at":
			at = r.ReadString()
		case "oom_killed":
			x.OOMKilled = r.ReadBool()
		default:
			r.Skip()
		}
	}
	r.End()
	if x.At, err = time.Parse(time.RFC3339Nano, at); err != nil || r.Err() != nil {
		return nil
	}
	return x
}
