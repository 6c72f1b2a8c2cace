package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/user"
)

// process is what an exec is to run in the container of s: what a file says, or
// the container's own process with what the options change; and what is odd about it.
func (o *ExecOptions) process(s *specs.Spec, files user.Files) (p *specs.Process, warnings []string, err error) {
	switch {
	case o.Process != nil:
		own := *o.Process
		p = &own
	case o.ProcessFile != "":
		p, warnings, err = spec.LoadProcess(o.ProcessFile)
	default:
		p, err = o.change(s.Process, files)
	}
	if err != nil {
		return nil, nil, err
	}
	inherit(p, s.Process)
	if err := spec.ValidateProcess(p, s); err != nil {
		return nil, nil, o.named(err, p)
	}
	return p, warnings, nil
}

// named has the problems of a process that options have made name them, instead of its fields, of which the lists begin with what is the container's.
func (o *ExecOptions) named(err error, p *specs.Process) error {
	problems, ok := errors.AsType[spec.Errors](err)
	if !ok || o.Process != nil || o.ProcessFile != "" {
		return err
	}
	for i := range problems {
		one := *problems[i]
		if o.Cwd != "" && one.Path == "process.cwd" {
			one.Path = "option --cwd"
			if !path.IsAbs(o.Cwd) { // the words are runc's
				one.Msg = fmt.Sprintf("Cwd must be an absolute path: %q", o.Cwd)
			}
		}
		for n := range o.Env {
			if one.Path == fmt.Sprintf("process.env[%d]", len(p.Env)-len(o.Env)+n) {
				one.Path = "option --env"
			}
		}
		for n, gid := range o.AdditionalGids {
			if one.Path == fmt.Sprintf("process.user.additionalGids[%d]", len(p.User.AdditionalGids)-len(o.AdditionalGids)+n) {
				one.Path = "option --additional-gids " + gid
			}
		}
		problems[i] = &one
	}
	return problems.Of("")
}

// inherit completes a process with what is the container's where it says nothing:
// capabilities, as with runc and crun, and how it is scheduled. Its rlimits are its own:
// where it has none it has the caller's, as with both.
func inherit(p, from *specs.Process) {
	if from == nil || p == from {
		return
	}
	if p.Capabilities == nil {
		p.Capabilities = from.Capabilities
	}
	if p.OOMScoreAdj == nil {
		p.OOMScoreAdj = from.OOMScoreAdj
	}
	if p.Scheduler == nil {
		p.Scheduler = from.Scheduler
	}
	if p.IOPriority == nil {
		p.IOPriority = from.IOPriority
	}
	if p.ExecCPUAffinity == nil {
		p.ExecCPUAffinity = from.ExecCPUAffinity
	}
}

// change makes a process of the container's and the options.
func (o *ExecOptions) change(from *specs.Process, files user.Files) (*specs.Process, error) {
	if len(o.Args) == 0 {
		return nil, errors.New("exec args cannot be empty")
	}
	if from == nil {
		return nil, errors.New("process property must not be empty")
	}
	p := *from
	p.Args, p.Terminal = o.Args, o.Terminal
	p.Env = append(slices.Clip(p.Env), o.Env...)
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	if o.NoNewPrivileges != nil {
		p.NoNewPrivileges = *o.NoNewPrivileges
	}
	if o.ProcessLabel != "" {
		p.SelinuxLabel = o.ProcessLabel
	}
	if o.AppArmor != "" {
		p.ApparmorProfile = o.AppArmor
	}
	p.Capabilities = grant(p.Capabilities, o.Caps)
	return &p, o.become(&p.User, files)
}

// become sets who the process is to be. A number alone leaves the groups as they
// are, as with runc; a name brings its own, from the container's files.
func (o *ExecOptions) become(u *specs.User, files user.Files) error {
	if o.User != "" {
		who, err := user.Parse(o.User)
		if err != nil {
			return err
		}
		id, err := who.Resolve(files)
		if err != nil {
			return err
		}
		u.UID = id.UID
		if id.HasGID {
			u.GID = id.GID
		}
		if who.User.Name != "" {
			u.AdditionalGids = id.Additional
		}
	}
	more, err := user.ParseGroups(o.AdditionalGids)
	if err != nil {
		return fmt.Errorf("option --additional-gids: %w", err)
	}
	u.AdditionalGids = append(slices.Clip(u.AdditionalGids), more...)
	return nil
}

// grant adds capabilities. The inheritable set never gets any (CVE-2022-29162),
// and so the ambient one only where the container's process has such.
func grant(c *specs.LinuxCapabilities, names []string) *specs.LinuxCapabilities {
	if len(names) == 0 {
		return c
	}
	var all specs.LinuxCapabilities
	if c != nil {
		all = *c
	}
	sets := []*[]string{&all.Bounding, &all.Effective, &all.Permitted}
	if len(all.Inheritable) > 0 {
		sets = append(sets, &all.Ambient)
	}
	for _, s := range sets {
		*s = append(slices.Clip(*s), names...)
	}
	return &all
}
