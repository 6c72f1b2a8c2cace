package caps

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestNames(t *testing.T) {
	if len(Known()) != 41 {
		t.Errorf("len(Known()) = %d, want 41", len(Known()))
	}
	for i, name := range Known() {
		bit, ok := Parse(name)
		if bit != i || !ok || !strings.HasPrefix(name, "CAP_") {
			t.Errorf("Parse(%q) = %d, %v, want %d, true", name, bit, ok, i)
		}
	}
	for _, name := range []string{"", "CAP_", "cap_chown", "CHOWN", "CAP_CHOWN ", "CAP_TEST"} {
		if bit, ok := Parse(name); ok {
			t.Errorf("Parse(%q) = %d, true, want false", name, bit)
		}
	}
	// Two numbers that are known by heart, against a table that is in order but shifted.
	for name, want := range map[string]int{"CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_CHECKPOINT_RESTORE": 40} {
		if bit, _ := Parse(name); bit != want {
			t.Errorf("Parse(%q) = %d, want %d", name, bit, want)
		}
	}
}

func TestMeant(t *testing.T) {
	for name, want := range map[string]string{"CAP_CHWON": "CAP_CHOWN", "chown": "CAP_CHOWN", "SYS_ADMIN": "CAP_SYS_ADMIN", "CAP_NOPE": "", "": ""} {
		if got := Meant(name); got != want {
			t.Errorf("Meant(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	set, unknown := FromNames([]string{"CAP_KILL", "CAP_NOPE", "CAP_BPF", "CAP_KILL", "CAP_no"})
	if want := Set(1<<5 | 1<<39); set != want {
		t.Errorf("FromNames = %#x, want %#x", set, want)
	}
	if want := []string{"CAP_NOPE", "CAP_no"}; !slices.Equal(unknown, want) {
		t.Errorf("FromNames: unknown %q, want %q", unknown, want)
	}
	if got, want := set.Names(), []string{"CAP_KILL", "CAP_BPF"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if set.Has(-1) || set.Has(64) || !set.Has(5) || set.Has(6) {
		t.Errorf("Has is wrong for %#x", set)
	}
}

// What the system calls say is what /proc says.
func TestCurrent(t *testing.T) {
	effective, permitted, inheritable, bounding, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]Set{"CapEff": effective, "CapPrm": permitted, "CapInh": inheritable, "CapBnd": bounding} {
		if want := fmt.Sprintf("%s:\t%016x\n", name, uint64(set)); !strings.Contains(string(status), want) {
			t.Errorf("%q is not in\n%s", want, status)
		}
	}
}

func TestMeantAll(t *testing.T) {
	for name, want := range map[string]string{"ALL": "", "cap_all": "", "KIL": "CAP_KILL", "sys_admn": "CAP_SYS_ADMIN"} {
		if got := Meant(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
