package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/spec"
)

var specCommand = command{
	name:  "spec",
	usage: "write an example of config.json",
	description: `Writes a config.json that runs a shell in the directory rootfs of the bundle.
It is a start: edit it to run something else.

EXAMPLE:
   # mkdir -p box/rootfs && tar -C box/rootfs -xf busybox.tar
   # rung spec --bundle box
   # sed -i 's;"sh";"/bin/date";' box/config.json
   # rung run --bundle box box1`,
	build: func(a *app, c *urfave.Command) action {
		var bundle string
		var rootless bool
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "bundle", Aliases: []string{"b"}, Destination: &bundle,
				Usage:       "`directory` of the bundle",
				DefaultText: "the current directory",
			},
			&urfave.BoolFlag{
				Name: "rootless", Destination: &rootless,
				Usage: "write a configuration for a user without privileges",
			},
		}
		return func([]string) error {
			if err := a.begin(); err != nil {
				return err
			}
			return writeSpec(bundle, rootless)
		}
	},
}

// configFile is the name of a bundle's configuration.
const configFile = "config.json"

// configPath is the configuration that a path names: a file's, or a bundle's.
func configPath(path string) string {
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		return filepath.Join(path, configFile)
	}
	return path
}

func writeSpec(bundle string, rootless bool) error {
	s := spec.Example()
	layout, err := cgroups.Detect()
	if err != nil {
		return err
	}
	if layout.Mode != cgroups.Unified {
		// As with runc: elsewhere programs look for their cgroups where the host has them.
		spec.Drop(s, specs.CgroupNamespace)
	}
	if rootless {
		spec.Rootless(s, uint32(os.Geteuid()), uint32(os.Getegid()))
	}
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("write %s: %w", configFile, err)
	}
	path := filepath.Join(bundle, configFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("File " + configFile + " exists. Remove it first") // runc's text
	}
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}
