package embed

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// What can't be kept of a configuration is refused, together with all else that is wrong; nothing is changed silently.
func TestValueStrings(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "600"))
	r, c := runtimeOf(t, b), running(t, b)
	for name, tt := range map[string]struct {
		edit harness.Edit
		want []string
	}{
		"not UTF-8": {harness.Args("/bin/printf", "\xff"), []string{"process.args[1]"}},
		"NUL":       {harness.Args("/bin/printf", "\x00"), []string{"process.args[1]"}},
		"several": {func(s *specs.Spec) {
			s.Process.Env, s.Hostname, s.Process.Cwd = []string{"A=\xff", "B=\x00"}, "h\x00", "rel"
		}, []string{"hostname", "process.cwd", "process.env[0]", "process.env[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := *b.Spec
			own := *s.Process
			s.Process = &own
			tt.edit(&s)
			for call, err := range map[string]error{
				"Create": func() error {
					_, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID + "-2", Bundle: b.Dir, Spec: &s})
					return err
				}(),
				"Run": func() error {
					_, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: b.ID + "-2", Bundle: b.Dir, Spec: &s}})
					return err
				}(),
				"Plan": func() error {
					_, err := r.Plan(&libcontainer.CreateOptions{ID: b.ID + "-2", Bundle: b.Dir, Spec: &s})
					return err
				}(),
			} {
				config, ok := errors.AsType[*libcontainer.ConfigError](err)
				if !ok {
					t.Errorf("%s: %v", call, err)
					continue
				}
				var fields []string
				for _, f := range config.Findings {
					fields = append(fields, f.Field)
				}
				if slices.Sort(fields); !slices.Equal(fields, tt.want) {
					t.Errorf("%s: findings of %v, want %v: %v", call, fields, tt.want, err)
				}
			}
		})
	}
	_, err := c.RunIn(boundary(t), &libcontainer.RunInOptions{Rootfs: b.Rootfs, Args: []string{"/bin/printf", "\xff"}})
	if config, ok := errors.AsType[*libcontainer.ConfigError](err); !ok || config.Findings[0].Field != "process.args[1]" {
		t.Errorf("RunIn: %v", err)
	}
	var out bytes.Buffer
	if status, err := c.Run(boundary(t), &libcontainer.ExecOptions{Args: []string{"/bin/printf", "%s", "\xff"}, Stdout: &out}); status != 0 || err != nil || out.String() != "\xff" {
		t.Errorf("a process: %v, %v, %q", status, err, out.String())
	}
}
