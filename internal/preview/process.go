package preview

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Process is the program that the container runs, and what it may do.
type Process struct {
	Args            []string            `json:"args"`
	Env             []string            `json:"env"`
	Cwd             string              `json:"cwd"`
	Terminal        bool                `json:"terminal"`
	UID             uint32              `json:"uid"`
	GID             uint32              `json:"gid"`
	Groups          []uint32            `json:"groups"`
	Umask           *uint32             `json:"umask"`        // null: 022
	Capabilities    map[string][]string `json:"capabilities"` // by set
	NoNewPrivileges bool                `json:"noNewPrivileges"`
	Rlimits         []Rlimit            `json:"rlimits"`
	OOMScoreAdj     *int                `json:"oomScoreAdj"` // null: the caller's
	AppArmor        string              `json:"apparmorProfile,omitempty"`
	SELinux         string              `json:"selinuxLabel,omitempty"`
}

// Rlimit is a limit of setrlimit(2).
type Rlimit struct {
	Type string `json:"type"`
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

func process(s *specs.Spec) *Process {
	c := s.Process
	if c == nil {
		return nil
	}
	p := &Process{
		Args: append([]string{}, c.Args...), Env: append([]string{}, c.Env...), Cwd: c.Cwd, Terminal: c.Terminal, UID: c.User.UID, GID: c.User.GID,
		Groups: append([]uint32{}, c.User.AdditionalGids...), Umask: c.User.Umask, Capabilities: map[string][]string{}, NoNewPrivileges: c.NoNewPrivileges,
		Rlimits: []Rlimit{}, OOMScoreAdj: c.OOMScoreAdj, AppArmor: c.ApparmorProfile, SELinux: c.SelinuxLabel,
	}
	for _, r := range c.Rlimits {
		p.Rlimits = append(p.Rlimits, Rlimit{r.Type, r.Soft, r.Hard})
	}
	if k := c.Capabilities; k != nil {
		for name, set := range map[string][]string{
			"bounding": k.Bounding, "effective": k.Effective, "inheritable": k.Inheritable, "permitted": k.Permitted, "ambient": k.Ambient,
		} {
			p.Capabilities[name] = append([]string{}, set...)
		}
	}
	return p
}
