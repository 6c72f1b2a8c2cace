package cli

import (
	"errors"
	"strconv"
	"strings"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

// criuFlags are what the flags of checkpoint and restore have in common.
type criuFlags struct {
	cgroups string
	emptyNS []string
}

func (f *criuFlags) flags(o *libcontainer.CRIUOptions) []urfave.Flag {
	return []urfave.Flag{
		&urfave.StringFlag{
			Name: "image-path", Destination: &o.Images, DefaultText: "checkpoint in the current directory",
			Usage: "`directory` of the images",
		},
		&urfave.StringFlag{
			Name: "work-path", Destination: &o.Work, DefaultText: "that of the images",
			Usage: "`directory` of CRIU's log and of what it needs for a while",
		},
		&urfave.BoolFlag{Name: "tcp-established", Destination: &o.Established, Usage: "take TCP connections that are established along"},
		&urfave.BoolFlag{Name: "ext-unix-sk", Destination: &o.Sockets, Usage: "take unix sockets along that are connected to the outside"},
		&urfave.BoolFlag{Name: "shell-job", Destination: &o.Shell, Usage: "the processes belong to the caller's session and terminal"},
		&urfave.BoolFlag{Name: "file-locks", Destination: &o.FileLocks, Usage: "take file locks along"},
		&urfave.BoolFlag{Name: "lazy-pages", Destination: &o.LazyPages, Usage: "transfer memory by and by, when the container runs already"},
		&urfave.BoolFlag{Name: "auto-dedup", Destination: &o.AutoDedup, Usage: "take pages out of images when they are in later ones, or in memory"},
		&urfave.StringFlag{
			Name: "manage-cgroups-mode", Destination: &f.cgroups, DefaultText: "soft",
			Usage: "`what` becomes of the limits of cgroups: soft, full, strict or ignore",
		},
		&urfave.StringSliceFlag{
			Name: "empty-ns", Destination: &f.emptyNS,
			Usage: "leave the content of a `namespace` to others: network, which is always so",
		},
		&numberFlag{
			Name: "timeout", Destination: &o.Timeout, Value: defaultTimeout,
			Usage: "`seconds` for the processes to stop; a CRIU that does nothing for ten seconds more is killed; 0: any time",
		},
	}
}

// defaultTimeout is CRIU's own, in seconds.
const defaultTimeout = 10

// cgroupMode is the mode that a word means.
func cgroupMode(word string) (mode libcontainer.CgroupMode, ok bool) {
	switch word {
	case "":
		return libcontainer.CgroupsDefault, true
	case "soft":
		return libcontainer.CgroupsSoft, true
	case "full":
		return libcontainer.CgroupsFull, true
	case "strict":
		return libcontainer.CgroupsStrict, true
	case "ignore":
		return libcontainer.CgroupsIgnore, true
	}
	return 0, false
}

// complete completes the options by the flags.
func (f *criuFlags) complete(o *libcontainer.CRIUOptions) error {
	mode, ok := cgroupMode(f.cgroups)
	if !ok {
		return errors.New("invalid manage-cgroups-mode value")
	}
	o.Cgroups = mode
	for _, ns := range f.emptyNS {
		if ns != "network" {
			return errors.New("namespace " + strconv.Quote(ns) + " is not supported")
		}
	}
	if o.Timeout < 0 {
		return errors.New("option --timeout: must not be negative")
	}
	if o.Images == "" {
		o.Images = "checkpoint"
	}
	if err := absPath("--image-path", &o.Images); err != nil {
		return err
	}
	return absPath("--work-path", &o.Work)
}

// pageServer reads ADDRESS:PORT, of which IPv6 has the address in brackets.
func pageServer(text string) (address string, port int, err error) {
	if text == "" {
		return "", 0, nil
	}
	at := strings.LastIndex(text, ":")
	if at <= 0 || at == len(text)-1 {
		return "", 0, errors.New("use --page-server ADDRESS:PORT to specify page server")
	}
	address = text[:at]
	if inner, ok := strings.CutPrefix(address, "["); ok {
		address = strings.TrimSuffix(inner, "]")
	}
	if port, err = strconv.Atoi(text[at+1:]); err != nil || port < 1 || port > 1<<16-1 {
		return "", 0, errors.New("invalid page server port: " + text[at+1:])
	}
	return address, port, nil
}
