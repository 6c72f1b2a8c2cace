package state

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/internal/resctrl"
)

// Format is the version of the records that this runtime writes. It reads those
// of the version before as well, and refuses newer ones.
const Format = 1

// Intent is what has to be known to undo a create that was killed. It is
// written before the first side effect, and again when there is a [RootMount] to be made.
type Intent struct {
	Format  int
	ID      string
	BootID  string
	Cgroups map[string]string // controller → directory
	Systemd bool              // they are a unit's
	Resctrl *resctrl.Group
	Root    *RootMount
}

// A Record is what state.json holds. Its keys are those of runc's file, which
// other tools read.
type Record struct {
	Format      int
	ID          string
	PID         int
	Start       uint64 // in clock ticks since boot
	Serial      uint64 // see [proc.Serial]; 0: the kernel had none
	BootID      string
	PIDs        uint64 // the inode of the pid namespace that PID is of; 0: a rung that didn't say it
	Created     time.Time
	Bundle      string
	Rootfs      string
	UID         uint32 // of who made it
	Annotations map[string]string
	Cgroups     map[string]string // controller → directory
	Namespaces  map[string]string // "NEWNET" → path
	HasHooks    bool              // the configuration has hooks for start or delete
	HasProcess  bool
	Systemd     bool
	Resctrl     *resctrl.Group // nil: the configuration says nothing of it
	Root        *RootMount     // nil: it went with the container's mount namespace

	OwnPIDNamespace bool // all processes die with the init
	NoNewKeyring    bool // its processes keep the caller's session keyring
}

// ErrDamaged reports a record that can't be read back.
var ErrDamaged = errors.New("record is damaged")

// WriteIntent writes the intent.
func (e *Entry) WriteIntent(i *Intent) error {
	w := jsontext.NewWriter(nil, "")
	w.BeginObject()
	w.Key("format")
	w.Int(Format)
	str(&w, "id", i.ID)
	str(&w, "boot_id", i.BootID)
	texts(&w, "cgroup_paths", i.Cgroups)
	boolean(&w, "systemd", i.Systemd)
	group(&w, i.Resctrl)
	rootMount(&w, i.Root)
	w.EndObject()
	return e.WriteFile(intentName, w.Bytes())
}

// Intent reads the intent. A container whose create was killed before it wrote
// one has nothing to undo: nil.
func (e *Entry) Intent() (*Intent, error) {
	data, err := e.read(intentName)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", e.Dir, intentName, err)
	}
	i, r := &Intent{}, jsontext.NewReader(data)
	for r.BeginObject(); r.Next(); {
		switch r.Key() {
		case "format":
			i.Format = int(r.ReadInt(32))
		case "id":
			i.ID = r.ReadString()
		case "boot_id":
			i.BootID = r.ReadString()
		case "cgroup_paths":
			i.Cgroups = readTexts(&r)
		case "systemd":
			i.Systemd = r.ReadBool()
		case rootMountKey:
			i.Root = readRootMount(&r)
		default:
			readGroup(&r, &i.Resctrl)
		}
	}
	r.End()
	return i, e.check(&r, intentName, i.Format, i.ID)
}

// check refuses what isn't a record of this container.
func (e *Entry) check(r *jsontext.Reader, name string, format int, id string) error {
	err := r.Err()
	switch {
	case err != nil:
		return fmt.Errorf("%s/%s: %w: %w", e.Dir, name, ErrDamaged, err)
	case format > Format:
		return fmt.Errorf("%s/%s: written by a newer version of rung", e.Dir, name)
	case format < 1 || id != e.ID:
		return fmt.Errorf("%s/%s: %w", e.Dir, name, ErrDamaged)
	}
	return nil
}

// WriteRecord writes state.json.
func (e *Entry) WriteRecord(r *Record) error {
	size := 2048
	for k, v := range r.Annotations { // megabytes, if somebody wants
		size += len(k) + len(v) + len(`"":"",`)
	}
	w := jsontext.NewWriter(make([]byte, 0, size), "")
	w.BeginObject()
	w.Key("format")
	w.Int(Format)
	str(&w, "id", r.ID)
	str(&w, "oci_version", specs.Version) // nobody's but a rung's that is older, whose states show it
	w.Key("init_process_pid")
	w.Int(int64(r.PID))
	w.Key("init_process_start")
	w.Uint(r.Start)
	w.Key("init_process_serial")
	w.Uint(r.Serial)
	str(&w, "boot_id", r.BootID)
	w.Key("pid_namespace")
	w.Uint(r.PIDs)
	str(&w, "created", r.Created.UTC().Format(time.RFC3339Nano))
	hostPath(&w, "bundle", r.Bundle)
	hostPath(&w, "rootfs", r.Rootfs)
	w.Key("uid")
	w.Uint(uint64(r.UID))
	texts(&w, "annotations", r.Annotations)
	texts(&w, "cgroup_paths", r.Cgroups)
	texts(&w, "namespace_paths", r.Namespaces)
	boolean(&w, "has_hooks", r.HasHooks)
	boolean(&w, "has_process", r.HasProcess)
	boolean(&w, "systemd", r.Systemd)
	boolean(&w, "own_pid_namespace", r.OwnPIDNamespace)
	boolean(&w, "no_new_keyring", r.NoNewKeyring)
	group(&w, r.Resctrl)
	rootMount(&w, r.Root)
	w.EndObject()
	return e.WriteFile(stateName, w.Bytes())
}

// Record reads state.json; ErrNotExist if there is none, because create hasn't
// come that far or never will.
func (e *Entry) Record() (*Record, error) {
	data, err := e.read(stateName)
	if errors.Is(err, unix.ENOENT) {
		return nil, notExist(e.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", e.Dir, stateName, err)
	}
	rec, r := &Record{}, jsontext.NewReader(data)
	created := ""
	for r.BeginObject(); r.Next(); {
		rec.read(&r, &created)
	}
	r.End()
	if err := e.check(&r, stateName, rec.Format, rec.ID); err != nil {
		return nil, err
	}
	if rec.Created, err = time.Parse(time.RFC3339Nano, created); err != nil || rec.PID <= 1 && rec.PID != 0 || rec.Start == 0 {
		return nil, fmt.Errorf("%s/%s: %w", e.Dir, stateName, ErrDamaged)
	}
	return rec, nil
}

func (rec *Record) read(r *jsontext.Reader, created *string) {
	switch r.Key() {
	case "format":
		rec.Format = int(r.ReadInt(32))
	case "id":
		rec.ID = r.ReadString()
	case "init_process_pid":
		rec.PID = int(r.ReadInt(32))
	case "init_process_start":
		rec.Start = r.ReadUint(64)
	case "init_process_serial":
		rec.Serial = r.ReadUint(64)
	case "boot_id":
		rec.BootID = r.ReadString()
	case "pid_namespace":
		rec.PIDs = r.ReadUint(64)
	case "created":
		*created = r.ReadString()
	case "bundle":
		rec.Bundle = r.ReadString()
	case "bundle" + bytesSuffix:
		readBytes(r, &rec.Bundle)
	case "rootfs":
		rec.Rootfs = r.ReadString()
	case "rootfs" + bytesSuffix:
		readBytes(r, &rec.Rootfs)
	case "uid":
		rec.UID = uint32(r.ReadUint(32))
	case "annotations":
		rec.Annotations = readTexts(r)
	case "cgroup_paths":
		rec.Cgroups = readTexts(r)
	case "namespace_paths":
		rec.Namespaces = readTexts(r)
	case "has_hooks":
		rec.HasHooks = r.ReadBool()
	case "has_process":
		rec.HasProcess = r.ReadBool()
	case "own_pid_namespace":
		rec.OwnPIDNamespace = r.ReadBool()
	case "no_new_keyring":
		rec.NoNewKeyring = r.ReadBool()
	case "systemd":
		rec.Systemd = r.ReadBool()
	case rootMountKey:
		rec.Root = readRootMount(r)
	default:
		readGroup(r, &rec.Resctrl)
	}
}

// group writes where in the resctrl file system a container is, with runc's keys.
func group(w *jsontext.Writer, g *resctrl.Group) {
	if g == nil {
		return
	}
	str(w, "intel_rdt_path", g.Class)
	str(w, "intel_rdt_mon_path", g.Monitor)
	boolean(w, "intel_rdt_own", g.Own)
}

// readGroup reads what group has written, and skips what else there is.
func readGroup(r *jsontext.Reader, g **resctrl.Group) {
	key := r.Key()
	if *g == nil && strings.HasPrefix(key, "intel_rdt_") {
		*g = &resctrl.Group{}
	}
	switch key {
	case "intel_rdt_path":
		(*g).Class = r.ReadString()
	case "intel_rdt_mon_path":
		(*g).Monitor = r.ReadString()
	case "intel_rdt_own":
		(*g).Own = r.ReadBool()
	default:
		r.Skip()
	}
}

func str(w *jsontext.Writer, key, value string) {
	w.Key(key)
	w.String(value)
}

func boolean(w *jsontext.Writer, key string, value bool) {
	w.Key(key)
	w.Bool(value)
}

// texts writes a map in the order of its keys.
func texts(w *jsontext.Writer, key string, m map[string]string) {
	w.Key(key)
	w.BeginObject()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		str(w, k, m[k])
	}
	w.EndObject()
}

func readTexts(r *jsontext.Reader) map[string]string {
	if r.ReadNull() {
		return nil
	}
	m := make(map[string]string)
	for r.BeginObject(); r.Next(); {
		m[r.Key()] = r.ReadString()
	}
	return m
}
