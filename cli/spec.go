package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/image"
	"github.com/rung-oci/rung/internal/preset"
	"github.com/rung-oci/rung/internal/rootfs"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/user"
)

var specCommand = command{
	name:  "spec",
	usage: "write an example of config.json",
	build: func(a *app, c *urfave.Command) action {
		c.Description = fmt.Sprintf(specDescription, presetsText())
		var o specOptions
		var rootless bool
		var presets string
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "bundle", Aliases: []string{"b"}, Destination: &o.bundle,
				Usage:       "`directory` of the bundle",
				DefaultText: "the current directory",
			},
			&urfave.BoolFlag{
				Name: "rootless", Destination: &rootless,
				Usage: "write a configuration for a user without privileges",
			},
			&urfave.StringFlag{
				Name: "preset", Destination: &presets,
				Usage: "`presets` to apply, with commas, or list to show them: " + strings.Join(preset.Names(), ", ") + " or list",
			},
			&urfave.StringFlag{
				Name: "from", Destination: &o.from,
				Usage: "`path` of an image layout whose image the container is of, perhaps with :NAME",
			},
		}
		return func([]string) error {
			if err := a.begin(); err != nil {
				return err
			}
			if presets == "list" {
				return a.print([]byte(presetsText()))
			}
			if presets != "" {
				o.presets = strings.Split(presets, ",")
			}
			if rootless {
				o.presets = append(o.presets, "rootless")
			}
			return a.writeSpec(&o)
		}
	},
}

// specDescription has a place for the presets: what is put in is made when it is asked for.
const specDescription = `Writes a config.json that runs a shell in the directory rootfs of the bundle.
It is a start: edit it to run something else.

Presets change it to what is often wanted, several with commas between them;
those that contradict each other are an error. They are:

%s
With --from the program, its user, environment, directory and volumes, and the
annotations are those of an image: of an OCI image layout, which is a directory
or a tar file, with a colon and the image's name if it has several. Nothing is
unpacked; a user that isn't a number is looked up in rootfs, where the image is
to be unpacked before.

EXAMPLE:
   # mkdir -p box/rootfs && tar -C box/rootfs -xf busybox.tar
   # rung spec --bundle box
   # sed -i 's;"sh";"/bin/date";' box/config.json
   # rung run --bundle box box1
   # rung spec --bundle web --preset engine-caps,seccomp --from images:web
   # rung spec --bundle web --preset kubernetes-restricted,readonly`

// presetsText is a line for each preset.
func presetsText() string {
	var b strings.Builder
	for _, p := range preset.List() {
		fmt.Fprintf(&b, "   %-22s %s\n", p.Name, p.Usage)
	}
	return b.String()
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

// specOptions say what configuration is to be written, and where.
type specOptions struct {
	bundle, from string
	presets      []string
}

func (a *app) writeSpec(o *specOptions) error {
	s, err := a.makeSpec(o)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("write %s: %w", configFile, err)
	}
	// What an image says, and with it some preset, may be nothing that can be run.
	if _, wrong, _ := spec.Examine(text); len(wrong) > 0 {
		first := *wrong[0]
		first.Line = 0 // of a file that isn't written
		return fmt.Errorf("%s would not be valid: %w", configFile, &first)
	}
	return saveSpec(filepath.Join(o.bundle, configFile), append(text, '\n'))
}

// makeSpec is the example, changed by presets and by an image's configuration.
func (a *app) makeSpec(o *specOptions) (*specs.Spec, error) {
	layout, err := cgroups.Detect()
	if err != nil {
		return nil, err
	}
	s, err := preset.Spec(o.presets, &preset.Caller{
		UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Unified: layout.Mode == cgroups.Unified,
	})
	if err != nil || o.from == "" {
		return s, err
	}
	c, err := image.Read(o.from, image.Native())
	if err != nil {
		return nil, err
	}
	for _, label := range c.Apply(s) {
		a.warn("label %.100q of the image is left out: as an annotation it would be an order to runtimes", label)
	}
	if err := imageUser(s, c, filepath.Join(o.bundle, s.Root.Path)); err != nil {
		return nil, err
	}
	return s, preset.Check(s, o.presets)
}

// imageUser makes the image's user the process's. Names are looked up in the root filesystem, if
// there is one.
func imageUser(s *specs.Spec, c *image.Config, dir string) error {
	var files user.Files
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(root)
		files = user.In{Root: rootfs.At(root)}
	} else if !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	who, ok, err := c.Identity(files)
	if ok {
		s.Process.User = specs.User{UID: who.UID, GID: who.GID, AdditionalGids: who.Additional}
	}
	return err
}

// saveSpec writes a file that isn't there yet.
func saveSpec(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("File " + configFile + " exists. Remove it first") // runc's text
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}
