package differ

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

var foretold = flag.Int("foretold", 0, "ask the doctor of this many cases (0: a few)")

// What the doctor says of a configuration is what comes of it: its exit code is 2 if, and only if, the container can't be created and
// started. Nobody knows whether a hook will fail: cases with one that does are left out.
//
//	go test ./differ -run Foretells -foretold 300 -seed 7
func TestDoctorForetells(t *testing.T) {
	r, rung, f := builtRig(t), rungPath(), facts()
	n, limit := uint64(*foretold), 24*time.Hour
	if n == 0 {
		n, limit = 40, 12*time.Second
	}
	sick := 0
	for i, begin := uint64(0), time.Now(); i < n && time.Since(begin) < limit; i++ {
		c := Generate(*seed, *first+i, f)
		if failingHook(c) {
			continue
		}
		c.Spec.Process.Terminal, c.Spec.Process.ConsoleSize = false, nil
		doctor, run, err := r.foretell(rung, c)
		if err != nil {
			t.Fatal(err)
		}
		if doctor.code == 2 {
			sick++
		}
		if (doctor.code == 2) != (run.code != 0) && !(doctor.code < 2 && beyond.MatchString(run.text)) {
			t.Errorf("case %d: the doctor says %d: %s\nand then %d: %s", *first+i, doctor.code, doctor.text, run.code, run.text)
		}
	}
	t.Logf("%d of %d can't be run", sick, n)
}

// beyond is what the doctor says nothing of: what is bound read-only from within the root filesystem, or by a link of that, read-only paths in what mounts
// show, and how little memory is enough for a program.
var beyond = regexp.MustCompile(`mount \S+ at \S+: make (directory|file) \S+: read-only file system|make \S+ read-only: clone: invalid argument|OOM-killed`)

// failingHook tells whether one of the hooks is to fail.
func failingHook(c *Case) bool {
	h := c.Spec.Hooks
	if h == nil {
		return false
	}
	for _, list := range [...][]specs.Hook{h.Prestart, h.CreateRuntime, h.CreateContainer, h.StartContainer, h.Poststart} {
		if slices.ContainsFunc(list, func(k specs.Hook) bool { return k.Args[len(k.Args)-1] == "1" }) {
			return true
		}
	}
	return false
}

// said is how a call has ended, and what it wrote that matters.
type said struct {
	code int
	text string
}

// foretell asks the doctor, and then tries.
func (r *rig) foretell(rung string, c *Case) (doctor, run said, err error) {
	if err := r.set(c, containerID); err != nil {
		return doctor, run, fmt.Errorf("rig: %w", err)
	}
	calls := 0
	do := func(args ...string) said {
		calls++
		p, failed := r.begin(start{name: fmt.Sprintf("call%d", calls), argv: append([]string{rung, "--root", r.state}, args...), dir: r.dir})
		if failed != nil {
			err = failed
			return said{-1, failed.Error()}
		}
		code := p.wait()
		return said{code, p.output() + p.complaint()}
	}
	doctor = do("doctor", r.bundle)
	doctor.text = missing(doctor.text)
	if run = do("create", "--bundle", r.bundle, containerID); run.code == 0 {
		run = do("start", containerID)
		do("delete", "--force", containerID)
	}
	for _, dir := range harness.CgroupDirs("/rungd-" + containerID) { // those above the container's stay
		if _, missing := os.Stat(dir); missing == nil {
			_ = removeCgroup(dir)
		}
	}
	if cleared := r.clear(); err == nil {
		err = cleared
	}
	return doctor, run, err
}

// missing are the lines about what the bundle needs and the host hasn't.
func missing(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "missing ") && !strings.Contains(line, "(optional)") {
			b.WriteString(line)
		}
	}
	return b.String()
}
