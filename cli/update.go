package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/libcontainer"
)

var updateCommand = command{
	name:      "update",
	usage:     "change the resources of a container",
	argsUsage: "<container-id>",
	minArgs:   1,
	maxArgs:   1,
	description: `Changes limits of a container that runs, is created or paused. What isn't
given stays. Either all of it is done or, with an error, nothing.

With --resources the changes are a linux.resources object of the runtime-spec,
from a file or, with -, from standard input; the other options are ignored then.
A zero means "leave it", and device rules are appended to those in force: a list
that begins with a rule for all devices replaces them.

EXAMPLE:
   # rung update --memory 512m --memory-swap -1 web
   # rung update --cpu-quota 50000 web
   # echo '{"pids":{"limit":100}}' | rung update -r - web`,
	build: func(a *app, c *urfave.Command) action {
		u := new(update)
		c.Flags = u.flags()
		return func(args []string) error {
			r, err := a.runtime()
			if err != nil {
				return err
			}
			if _, err := r.Container(args[0]).State(); err != nil && !errors.Is(err, libcontainer.ErrOutOfSight) {
				return err
			}
			resources, warnings, err := u.resources()
			if err != nil {
				return err
			}
			for _, w := range warnings {
				a.warn("%s", w)
			}
			if err := u.rdt(); err != nil {
				return err
			}
			if u.l3Cache != "" || u.memoryBandwidth != "" {
				if err := r.Container(args[0]).UpdateSchemas(context.Background(), u.l3Cache, u.memoryBandwidth); err != nil {
					return err
				}
			}
			return r.Container(args[0]).Update(context.Background(), resources)
		}
	},
}

// update is what the options ask for, as it was written.
type update struct {
	file                                              string
	blkioWeight, pidsLimit                            int
	setPids                                           bool
	cpuPeriod, cpuQuota, cpuBurst, cpuShares, cpuIdle string
	rtPeriod, rtRuntime, cpus, mems                   string
	memory, reservation, swap, kernel, kernelTCP      string
	l3Cache, memoryBandwidth                          string
	sharesName                                        string // of the option, which has two
}

func (u *update) flags() []urfave.Flag {
	text := func(to *string, usage, name string, aliases ...string) urfave.Flag {
		return &urfave.StringFlag{Name: name, Aliases: aliases, Destination: to, Usage: usage}
	}
	return []urfave.Flag{
		text(&u.file, "read the changes from `file`, or from standard input: -", "resources", "r"),
		&numberFlag{Name: "blkio-weight", Destination: &u.blkioWeight, Usage: "relative `weight` of block I/O, from 10 to 1000"},
		text(&u.cpuPeriod, "`microseconds` of a period of the CPU quota", "cpu-period"),
		text(&u.cpuQuota, "`microseconds` of CPU time in each period; -1: any", "cpu-quota"),
		text(&u.cpuBurst, "`microseconds` of unused quota that can be saved up", "cpu-burst"),
		&namedFlag{StringFlag: urfave.StringFlag{
			Name: "cpu-share", Aliases: []string{"cpu-shares"}, Destination: &u.cpuShares, Usage: "relative `weight` of CPU time, from 2 to 262144",
		}, as: &u.sharesName},
		text(&u.rtPeriod, "`microseconds` of a period of real-time scheduling", "cpu-rt-period"),
		text(&u.rtRuntime, "`microseconds` of real-time scheduling in each period", "cpu-rt-runtime"),
		text(&u.cpuIdle, "`1` to run only when a CPU has nothing else to do, or 0", "cpu-idle"),
		text(&u.cpus, "`list` of CPUs to use, such as 0-3,7", "cpuset-cpus"),
		text(&u.mems, "`list` of memory nodes to use", "cpuset-mems"),
		text(&u.memory, "most `bytes` of memory, with k, m or g; -1: any", "memory"),
		text(&u.reservation, "`bytes` of memory to keep when the host runs out", "memory-reservation"),
		text(&u.swap, "most `bytes` of memory and swap together; -1: any", "memory-swap"),
		&numberFlag{
			Name: "pids-limit", Destination: &u.pidsLimit, Usage: "most `processes` and threads; -1: any",
			Validator: func(int) error { u.setPids = true; return nil },
		},
		text(&u.l3Cache, "`schema` of Intel's L3 cache allocation", "l3-cache-schema"),
		text(&u.memoryBandwidth, "`schema` of Intel's memory bandwidth allocation", "mem-bw-schema"),
		&urfave.StringFlag{Name: "kernel-memory", Destination: &u.kernel, Hidden: true}, // without effect
		&urfave.StringFlag{Name: "kernel-memory-tcp", Destination: &u.kernelTCP, Hidden: true},
	}
}

// resources returns what is asked for, and what is odd about that.
func (u *update) resources() (*specs.LinuxResources, []string, error) {
	if u.file != "" {
		return readResources(u.file)
	}
	var m specs.LinuxMemory
	var c specs.LinuxCPU
	var p reader
	p.size(&m.Limit, "memory", u.memory)
	p.size(&m.Reservation, "memory-reservation", u.reservation)
	p.size(&m.Swap, "memory-swap", u.swap)
	p.size(&m.Kernel, "kernel-memory", u.kernel)
	p.size(&m.KernelTCP, "kernel-memory-tcp", u.kernelTCP)
	p.unsigned(&c.Period, "cpu-period", u.cpuPeriod)
	p.signed(&c.Quota, "cpu-quota", u.cpuQuota)
	p.unsigned(&c.Burst, "cpu-burst", u.cpuBurst)
	p.unsigned(&c.Shares, u.sharesName, u.cpuShares)
	p.unsigned(&c.RealtimePeriod, "cpu-rt-period", u.rtPeriod)
	p.signed(&c.RealtimeRuntime, "cpu-rt-runtime", u.rtRuntime)
	p.signed(&c.Idle, "cpu-idle", u.cpuIdle)
	c.Cpus, c.Mems = u.cpus, u.mems
	if p.err != nil {
		return nil, nil, p.err
	}
	r := &specs.LinuxResources{Memory: &m, CPU: &c}
	if u.setPids {
		limit := int64(u.pidsLimit)
		r.Pids = &specs.LinuxPids{Limit: &limit}
	}
	if u.blkioWeight != 0 {
		weight := uint16(u.blkioWeight)
		if int(weight) != u.blkioWeight {
			return nil, nil, errors.New("invalid value for blkio-weight: must be from 10 to 1000")
		}
		r.BlockIO = &specs.LinuxBlockIO{Weight: &weight}
	}
	return r, nil, nil
}

// namedFlag keeps as which of its names it was given.
type namedFlag struct {
	urfave.StringFlag
	as *string
}

// Set takes a value.
func (f *namedFlag) Set(name, value string) error {
	*f.as = name
	return f.StringFlag.Set(name, value)
}

func readResources(file string) (*specs.LinuxResources, []string, error) {
	text, _, err := readDocument(file)
	if err != nil {
		return nil, nil, err
	}
	return spec.DecodeResources(text)
}

// reader reads the values of options and keeps the first error.
type reader struct{ err error }

func (p *reader) note(name string, err error) {
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("invalid value for %s: %w", name, err)
	}
}

func (p *reader) size(to **int64, name, value string) {
	if value != "" {
		n, err := parseSize(value)
		p.note(name, err)
		*to = &n
	}
}

func (p *reader) signed(to **int64, name, value string) {
	if value != "" {
		n, err := strconv.ParseInt(value, 10, 64)
		p.note(name, plainly(err))
		*to = &n
	}
}

func (p *reader) unsigned(to **uint64, name, value string) {
	if value != "" {
		n, err := strconv.ParseUint(value, 10, 64)
		p.note(name, plainly(err))
		*to = &n
	}
}

// rdt refuses schemas for an Intel resource director that the host doesn't have.
// The texts are runc's.
func (u *update) rdt() error {
	for _, s := range [...]struct{ schema, info, missing string }{
		{u.l3Cache, "/sys/fs/resctrl/info/L3", "Intel RDT/CAT: l3 cache schema is not enabled"},
		{u.memoryBandwidth, "/sys/fs/resctrl/info/MB", "Intel RDT/MBA: memory bandwidth schema is not enabled"},
	} {
		if s.schema == "" {
			continue
		}
		if _, err := os.Stat(s.info); err != nil {
			return errors.New(s.missing)
		}
	}
	return nil
}
