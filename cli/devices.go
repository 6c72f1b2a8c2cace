package cli

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
)

var devicesCommand = command{
	name:  "devices",
	usage: "give a container that runs a device, and take it away",
	description: `Adds devices to a container that is created, runs or is paused, lists those that
were added, and removes them: the file, and the rule by which its cgroup allows
it, of which systemd is told too. The device is one that the host has a file of.
It takes root, and a container with a mount namespace of its own.

EXAMPLE:
   # rung devices add web /dev/fuse
   # rung devices add --access rw --mode 0600 web /dev/loop0 /dev/disk
   # rung devices list web
   # rung devices remove web /dev/fuse`,
	argsUsage: "add|list|remove ...",
	maxArgs:   math.MaxInt,
	build: func(a *app, c *urfave.Command) action {
		list, remove := listAddedCommand((*libcontainer.Container).Devices, listedDevices), removeCommand("remove what was added", "PATH", (*libcontainer.Container).RemoveDevice)
		return subcommands(a, c, &devicesAddCommand, &list, &remove)
	},
}

var devicesAddCommand = command{
	name:      "add",
	usage:     "add a device of the host's",
	argsUsage: "<container-id> DEVICE [PATH]",
	minArgs:   2, maxArgs: 3,
	build: func(a *app, c *urfave.Command) action {
		var access, mode string
		var uid, gid uint32
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{Name: "access", Destination: &access, Value: "rwm", Usage: "`letters` of what the rule allows: r read, w write, m make files of it"},
			&urfave.StringFlag{Name: "mode", Destination: &mode, Value: "0666", Usage: "octal `mode` of the file"},
			&urfave.Uint32Flag{Name: "uid", Destination: &uid, Usage: "`owner` of the file, in the container"},
			&urfave.Uint32Flag{Name: "gid", Destination: &gid, Usage: "`group` of the file, in the container"},
		}
		return func(args []string) error {
			d, err := hostDevice(args[1])
			if err != nil {
				return err
			}
			if d.Path = args[1]; len(args) > 2 {
				d.Path = args[2]
			}
			bits, err := strconv.ParseUint(mode, 8, 12)
			if err != nil {
				return fmt.Errorf("option --mode: %q is not an octal mode", mode)
			}
			d.FileMode = new(os.FileMode(bits))
			d.UID, d.GID = &uid, &gid
			r, err := a.runtime()
			if err != nil {
				return err
			}
			return r.Container(args[0]).AddDevice(context.Background(), d, access)
		}
	},
}

// hostDevice is the device that a file of the host's is of.
func hostDevice(path string) (d specs.LinuxDevice, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return d, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		d.Type = "c"
	case unix.S_IFBLK:
		d.Type = "b"
	default:
		return d, fmt.Errorf("%s is not a device", path)
	}
	d.Major, d.Minor = int64(unix.Major(uint64(st.Rdev))), int64(unix.Minor(uint64(st.Rdev)))
	return d, nil
}

// listedDevice is a libcontainer.LiveDevice in JSON, see docs/schema/devices.json.
type listedDevice struct {
	Path   string `json:"path"`
	Type   string `json:"type"`
	Major  int64  `json:"major"`
	Minor  int64  `json:"minor"`
	Access string `json:"access"`
	Bound  bool   `json:"bound"`
	// Present says that the file is there; nil: not known.
	Present *bool `json:"present"`
}

func listedDevices(list []libcontainer.LiveDevice) (out []listedDevice, rows [][]string) {
	out, rows = []listedDevice{}, [][]string{{"PATH", "DEVICE", "ACCESS", "BOUND", "PRESENT"}}
	for _, d := range list {
		out = append(out, listedDevice{d.Path, d.Type, d.Major, d.Minor, d.Access, d.ID != 0, seen(d.Present, d.Unknown)})
		rows = append(rows, []string{d.Path, fmt.Sprintf("%s %d:%d", d.Type, d.Major, d.Minor), d.Access, strconv.FormatBool(d.ID != 0), seenText(d.Present, d.Unknown)})
	}
	return out, rows
}
