package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sirupsen/logrus"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/state"
	"github.com/rung-oci/rung/libcontainer"
)

// globals are the options that stand before the command.
type globals struct {
	root          string
	log           string
	logFormat     string
	logLevel      string
	debug         bool
	systemdCgroup bool
	cgroupManager string
	rootless      string
}

// flags returns the global flags. They are local: after the command's name
// they mean nothing.
func (g *globals) flags() []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			Name: "root", Destination: &g.root, Local: true, Validator: notEmpty,
			Usage:       "`directory` of the containers' state, best on a tmpfs",
			DefaultText: systemRoot + ", or $XDG_RUNTIME_DIR/rung without privileges",
		},
		&urfave.StringFlag{
			Name: "log", Destination: &g.log, Local: true,
			Usage: "append errors to `file`; they are on stderr too",
		},
		&urfave.StringFlag{
			Name: "log-format", Destination: &g.logFormat, Local: true, Value: "text",
			Usage: "`format` of the log: text or json",
		},
		&urfave.StringFlag{
			Name: "log-level", Destination: &g.logLevel, Local: true, Value: "info",
			Usage: "least `level` to log: error, warning, info or debug",
		},
		&urfave.BoolFlag{
			Name: "debug", Destination: &g.debug, Local: true,
			Usage: "log at level debug: what was decided and why, and each phase with its time",
		},
		&urfave.BoolFlag{
			Name: "systemd-cgroup", Destination: &g.systemdCgroup, Local: true,
			Usage: `leave cgroups to systemd; cgroupsPath is then "slice:prefix:name"`,
		},
		&urfave.StringFlag{
			Name: "cgroup-manager", Destination: &g.cgroupManager, Local: true,
			Usage: "`who` makes cgroups: cgroupfs, systemd or disabled; disabled is for a container without one of its own",
		},
		&urfave.StringFlag{
			Name: "rootless", Destination: &g.rootless, Local: true, Value: "auto",
			Usage: "`whether` rung runs without privileges: true, false or auto",
		},
		&urfave.StringFlag{Name: "criu", Local: true, Hidden: true}, // old go-runc gives it
	}
}

// notEmpty keeps an unset variable of a script from choosing the default.
func notEmpty(value string) error {
	if value == "" {
		return errors.New("must not be empty")
	}
	return nil
}

// begin makes the global options take effect. It opens the log.
func (a *app) begin() error {
	if err := a.openLog(); err != nil {
		return err
	}
	if word := a.global.rootless; word != "auto" && word != "" {
		if _, err := strconv.ParseBool(word); err != nil {
			return errors.New("invalid rootless: " + word)
		}
	}
	switch a.global.cgroupManager {
	case "", "cgroupfs", "systemd", "disabled":
		return nil
	}
	return errors.New("invalid cgroup-manager: " + a.global.cgroupManager)
}

// systemd tells whether cgroups are left to systemd. Of two options that contradict each
// other, crun's counts: it says more.
func (g *globals) systemd() bool {
	return g.cgroupManager == "systemd" || g.systemdCgroup && g.cgroupManager == ""
}

// withoutPrivileges tells whether cgroups are to be done without where they
// aren't permitted: as --rootless says, or if the caller isn't root of the host.
func (g *globals) withoutPrivileges(c caller) bool {
	if yes, err := strconv.ParseBool(g.rootless); err == nil {
		return yes
	}
	return c.euid != 0 || c.userNS()
}

// allEffects are those of a command that does one thing and ends.
var allEffects = libcontainer.Effects{
	CloseOnExec: true, Undumpable: true, Subreaper: true, Signals: true, Systemd: true, FileSize: true, LazyGC: true, SpareProcessor: true, Lasting: true,
}

// runtime begins and returns the containers that the global options choose.
func (a *app) runtime() (*libcontainer.Runtime, error) {
	if err := a.begin(); err != nil {
		return nil, err
	}
	root, err := a.global.directory()
	if err != nil {
		return nil, err
	}
	r := &libcontainer.Runtime{
		Root:          root,
		SystemdCgroup: a.global.systemd(),
		NoCgroup:      a.global.cgroupManager == "disabled",
		Warn:          a.warn,
		Notice:        a.notice,
		Effects:       allEffects,
	}
	if a.logger.Level >= logrus.DebugLevel {
		r.Debug = a.debug
		a.debug("state directory: %s", root)
	}
	return r, nil
}

// systemRoot is root's directory of containers.
const systemRoot = "/run/rung"

// directory returns the absolute path of the containers' state.
func (g *globals) directory() (string, error) {
	if g.root == "" {
		root, _ := thisCaller().root()
		return root, nil
	}
	root, err := filepath.Abs(g.root)
	if err != nil {
		return "", fmt.Errorf("option --root: %w", err)
	}
	if root == "/" {
		return "", errors.New("option --root must not be /")
	}
	return root, nil
}

// A caller is what the default of --root depends on.
type caller struct {
	euid       int
	userNS     func() bool // in a user namespace other than the host's
	user       string      // USER
	runtimeDir string      // XDG_RUNTIME_DIR
}

func thisCaller() caller {
	return caller{
		euid:       os.Geteuid(),
		userNS:     idmap.InNamespace,
		user:       os.Getenv("USER"),
		runtimeDir: os.Getenv("XDG_RUNTIME_DIR"),
	}
}

// root returns the default of --root, and whether it is one of the user's own.
// Podman gives a verb XDG_RUNTIME_DIR and no other variable: every verb of one
// caller has to come to the same answer.
func (c caller) root() (root string, own bool) {
	if !filepath.IsAbs(c.runtimeDir) || c.euid == 0 && (c.user == "root" || !c.userNS()) {
		return systemRoot, false
	}
	return filepath.Join(c.runtimeDir, "rung"), true
}

// makeRoot makes the default root of a user. The sticky bit keeps what cleans
// XDG_RUNTIME_DIR up from removing it.
func makeRoot(c caller) error {
	root, own := c.root()
	if !own && c.euid != 0 {
		wrong := "isn't set"
		if c.runtimeDir != "" {
			wrong = fmt.Sprintf("is %q, which isn't an absolute path", c.runtimeDir)
		}
		return fmt.Errorf("make state directory: XDG_RUNTIME_DIR %s: set it, or use --root", wrong)
	}
	if !own {
		return nil
	}
	if err := state.MakeRoot(root); err != nil {
		return err
	}
	if err := os.Chmod(root, 0o700|os.ModeSticky); err != nil {
		return fmt.Errorf("make state directory sticky: %w", err)
	}
	return nil
}
