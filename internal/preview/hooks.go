package preview

import "github.com/opencontainers/runtime-spec/specs-go"

// Hook is a program that the configuration has run, with what it is told.
type Hook struct {
	Kind    string   `json:"kind"` // the field below hooks
	Path    string   `json:"path"`
	Args    []string `json:"args"`
	Env     []string `json:"env"`
	Timeout int      `json:"timeout,omitempty"` // seconds
	Where   string   `json:"where"`             // whose namespaces: runtime, container
	When    string   `json:"when"`
}

func hooks(in *Input) []Hook {
	out := []Hook{}
	h := in.Spec.Hooks
	if h == nil {
		return out
	}
	for _, k := range [...]struct {
		kind, where, when string
		list              []specs.Hook
	}{
		{"prestart", "runtime", "when the mounts are there, before the root is pivoted to", h.Prestart},
		{"createRuntime", "runtime", "when the mounts are there, before the root is pivoted to", h.CreateRuntime},
		{"createContainer", "container", "after those, before the root is pivoted to", h.CreateContainer},
		{"startContainer", "container", "by start, before the program runs", h.StartContainer},
		{"poststart", "runtime", "by start, when the program runs", h.Poststart},
		{"poststop", "runtime", "by delete", h.Poststop},
	} {
		for i := range k.list {
			e := &k.list[i]
			hook := Hook{Kind: k.kind, Path: e.Path, Args: append([]string{}, e.Args...), Env: append([]string{}, e.Env...), Where: k.where, When: k.when}
			if e.Timeout != nil {
				hook.Timeout = *e.Timeout
			}
			out = append(out, hook)
		}
	}
	return out
}
