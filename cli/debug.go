package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/suggest"
	"github.com/rung-oci/rung/libcontainer"
)

var debugCommand = command{
	name:      "debug",
	usage:     "run a program of another image in a container's namespaces",
	argsUsage: "<container-id> --rootfs directory [--] <command> [arguments...]",
	minArgs:   2,
	maxArgs:   math.MaxInt,
	description: `Runs a program with a root filesystem of its own beside a container: for images
that have no shell. It shares the container's namespaces but the mount
namespace, or those that --namespaces names; of the others it gets its own, or,
of user and time namespaces, the host's. It has the rights of the container's
process, and those that are added; its cgroups are below the container's, and
may have limits of their own. It is a container too, named after the other,
which is deleted when the program ends. Directories to mount on that the root
filesystem lacks, as proc and dev, are made there. The exit code is that of exec.

EXAMPLE:
   # rung debug web --rootfs /images/busybox -t -- sh
   # rung debug web --rootfs /images/tools --namespaces net --cap CAP_NET_RAW -- tcpdump -c 1
   # rung debug web --rootfs /images/tools --cap CAP_SYS_PTRACE -- strace -p 1`,
	build: func(a *app, c *urfave.Command) action {
		d := debugging{app: a}
		two := 2
		c.StopOnNthArg = &two
		c.DisableSliceFlagSeparator = true
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{Name: "rootfs", Destination: &d.opt.Rootfs, Usage: "`directory` that is the program's root filesystem"},
			&urfave.BoolFlag{Name: "read-only", Destination: &d.opt.Readonly, Usage: "make it read-only for the program"},
			&urfave.StringFlag{
				Name: "namespaces", Aliases: []string{"n"}, Destination: &d.namespaces, DefaultText: "all but mount",
				Usage: "`types` of the namespaces to share, with commas: user, pid, net, ipc, uts, cgroup, time or none; none stands alone",
			},
			&urfave.BoolFlag{Name: "tty", Aliases: []string{"t"}, Destination: &d.opt.Terminal, Usage: "give the program a terminal"},
			&urfave.StringFlag{Name: "cwd", Destination: &d.opt.Cwd, Usage: "`directory` in its root filesystem that the program starts in"},
			&urfave.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Destination: &d.opt.Env, Usage: "add `NAME=VALUE` to the environment; may be repeated"},
			&urfave.StringFlag{Name: "user", Aliases: []string{"u"}, Destination: &d.user, Usage: "`UID[:GID]` in the container's user namespace"},
			&urfave.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Destination: &d.opt.Caps, Usage: "add the `capability`; may be repeated"},
			&urfave.StringFlag{Name: "memory", Destination: &d.memory, Usage: "most `bytes` of memory, with k, m or g"},
			&numberFlag{Name: "pids-limit", Destination: &d.pids, Usage: "most processes, `N`"},
		}
		return func(args []string) error {
			if args[1] == "--" {
				args = append(args[:1:1], args[2:]...)
			}
			d.id, d.opt.Args = args[0], args[1:]
			if err := d.run(); err != nil {
				return &exitError{fmt.Errorf("debug failed: %w", err), exitExecFailed}
			}
			return nil
		}
	},
}

// debugging is a call of debug.
type debugging struct {
	*app
	opt                      libcontainer.RunInOptions
	id                       string
	namespaces, user, memory string
	pids                     int
}

func (d *debugging) run() (err error) {
	d.holds = true
	if len(d.opt.Args) == 0 {
		return errors.New("no command is given")
	}
	if d.opt.Rootfs == "" {
		return errors.New("option --rootfs: it is needed: the program has a root filesystem of its own")
	}
	if d.opt.Rootfs, err = filepath.Abs(d.opt.Rootfs); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	if d.opt.Namespaces, err = namespaceTypes(d.namespaces); err != nil {
		return err
	}
	if d.user != "" {
		if d.opt.UID, d.opt.GID, err = numericUser(d.user); err != nil {
			return err
		}
	}
	if d.memory != "" {
		if d.opt.Memory, err = parseSize(d.memory); err != nil {
			return fmt.Errorf("option --memory: %w", err)
		}
	}
	d.opt.Pids = int64(d.pids)
	for i, name := range d.opt.Caps {
		if name = strings.ToUpper(name); !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		d.opt.Caps[i] = name
	}
	r, err := d.runtime()
	if err != nil {
		return err
	}
	d.opt.Stdin, d.opt.Stdout, d.opt.Stderr = os.Stdin, os.Stdout, os.Stderr
	status, err := r.Container(d.id).RunIn(context.Background(), &d.opt)
	d.code = int(status)
	return err
}

// check finds in the options what would be told of as a configuration's, which nobody has written.
func (d *debugging) check() error {
	if fi, err := os.Stat(d.opt.Rootfs); err != nil {
		return fmt.Errorf("option --rootfs: %w", err)
	} else if !fi.IsDir() {
		return fmt.Errorf("option --rootfs: %s is not a directory", d.opt.Rootfs)
	}
	if d.opt.Rootfs == "/" {
		return errors.New("option --rootfs: it must not be the root directory of the host")
	}
	if d.opt.Cwd != "" && !filepath.IsAbs(d.opt.Cwd) {
		return fmt.Errorf("option --cwd: %q is not an absolute path", d.opt.Cwd)
	}
	for _, e := range d.opt.Env {
		if strings.Index(e, "=") < 1 {
			return fmt.Errorf("option --env: %q is not NAME=VALUE", e)
		}
	}
	if d.pids < -1 {
		return fmt.Errorf("option --pids-limit: %d: it can be -1 for no limit, or more", d.pids)
	}
	return nil
}

// namespaceTypes reads a list; nil stands for all.
func namespaceTypes(list string) (types []specs.LinuxNamespaceType, err error) {
	known := []string{"user", "pid", "net", "network", "ipc", "uts", "cgroup", "time", "mount"}
	switch list {
	case "":
		return nil, nil
	case "none":
		return []specs.LinuxNamespaceType{}, nil
	}
	for word := range strings.SplitSeq(list, ",") {
		switch word {
		case "none":
			return nil, errors.New("option --namespaces: none stands alone")
		case "net":
			types = append(types, specs.NetworkNamespace)
		case "user", "pid", "network", "ipc", "uts", "cgroup", "time", "mount":
			types = append(types, specs.LinuxNamespaceType(word))
		default:
			return nil, fmt.Errorf("option --namespaces: unknown type %q%s", word, suggest.Meant(word, known, ""))
		}
	}
	return types, nil
}

// numericUser reads UID[:GID].
func numericUser(text string) (uid, gid uint32, err error) {
	u, g, both := strings.Cut(text, ":")
	ids := [2]uint64{}
	if ids[0], err = strconv.ParseUint(u, 10, 32); err == nil && both {
		ids[1], err = strconv.ParseUint(g, 10, 32)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("option --user: %q is not a number, or two with a colon", text)
	}
	return uint32(ids[0]), uint32(ids[1]), nil
}
