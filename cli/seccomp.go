package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/seccomp"
)

var seccompCommand = command{
	name:  "seccomp",
	usage: "look into seccomp profiles",
	description: `Says what a seccomp profile does, and shows the filter that it is compiled to.
PROFILE is a bundle, a config.json, a file with the linux.seccomp of one or, for
-, the standard input.

EXAMPLE:
   # rung seccomp explain box clone 0x10000000
   # rung seccomp compile box`,
	argsUsage: "explain|compile PROFILE",
	maxArgs:   1,
	build: func(a *app, c *urfave.Command) action {
		c.HideHelpCommand = true
		for _, sub := range []*command{&explainCommand, &compileCommand} {
			c.Commands = append(c.Commands, sub.make(a))
		}
		return func(args []string) error {
			if len(args) == 0 {
				return errors.New("rung: \"seccomp\" requires explain or compile")
			}
			return errors.New("rung: \"seccomp\" has no command " + strconv.Quote(args[0]))
		}
	},
}

var explainCommand = command{
	name:      "explain",
	usage:     "say which rule of a profile decides about a system call",
	argsUsage: "PROFILE SYSCALL [ARGUMENT...]",
	description: `Says what becomes of a system call, and by which field of the profile. Of
arguments that aren't given after the first, 0 is assumed; without any, all
rules about the call are listed.

EXAMPLE:
   # rung seccomp explain box personality 0x20000
   # rung seccomp explain --arch SCMP_ARCH_X86 box socketcall 1`,
	minArgs: 2, maxArgs: 8,
	build: func(a *app, c *urfave.Command) action {
		var arch string
		c.Flags = []urfave.Flag{archFlag(&arch)}
		return func(args []string) error {
			values, err := callArguments(args[2:])
			if err != nil {
				return err
			}
			p, err := a.profile(args[0])
			if err != nil {
				return err
			}
			e, err := seccomp.Explain(p, seccomp.Native(), specs.Arch(arch), args[1], values)
			if err != nil {
				return err
			}
			return a.print([]byte(e.String()))
		}
	},
}

var compileCommand = command{
	name:      "compile",
	usage:     "show the filter that a profile is compiled to",
	argsUsage: "PROFILE",
	description: `Writes the program that the kernel gets: a line for each instruction, or as it
is in memory.

EXAMPLE:
   # rung seccomp compile box
   # rung seccomp compile --raw box > filter.bpf`,
	minArgs: 1, maxArgs: 1,
	build: func(a *app, c *urfave.Command) action {
		var raw bool
		c.Flags = []urfave.Flag{&urfave.BoolFlag{Name: "raw", Destination: &raw, Usage: "write an array of struct sock_filter"}}
		return func(args []string) error {
			p, err := a.profile(args[0])
			if err != nil {
				return err
			}
			f, err := seccomp.Compile(p, seccomp.Native())
			if err != nil {
				return err
			}
			if raw {
				return a.print(f.Bytes())
			}
			return a.print([]byte(f.String()))
		}
	},
}

func archFlag(arch *string) urfave.Flag {
	return &urfave.StringFlag{
		Name: "arch", Destination: arch, DefaultText: "this machine's",
		Usage: "`architecture` of the call, in the words of profiles",
	}
}

// callArguments reads the arguments of a system call; nil is none given.
func callArguments(words []string) (list []uint64, err error) {
	for _, w := range words {
		v, err := strconv.ParseUint(w, 0, 64)
		if strings.HasPrefix(w, "-") {
			var n int64
			n, err = strconv.ParseInt(w, 0, 64)
			v = uint64(n)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a number of 64 bits", w)
		}
		list = append(list, v)
	}
	return list, nil
}

// profile reads the profile of a bundle or a file.
func (a *app) profile(path string) (*specs.LinuxSeccomp, error) {
	if err := a.begin(); err != nil {
		return nil, err
	}
	data, path, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	// The keys of what engines make profiles of.
	for _, key := range []string{`"archMap"`, `"includes"`, `"excludes"`} {
		if bytes.Contains(data, []byte(key)) {
			return nil, fmt.Errorf("%s: %s is for engines, which make a profile of it: give the config.json of a container", path, key)
		}
	}
	s, err := spec.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Version == "" && s.Linux == nil {
		return spec.DecodeSeccomp(data)
	}
	if s.Linux == nil || !seccomp.Wanted(s.Linux.Seccomp) {
		return nil, fmt.Errorf("%s: has no linux.seccomp", path)
	}
	return s.Linux.Seccomp, nil
}
