package doctor

import (
	"os"
	"strings"

	"github.com/rung-oci/rung/internal/lsm"
)

// labels is what is known of Linux security modules that label processes.
type labels struct {
	appArmor, seLinux bool
	profiles          map[string]bool // of AppArmor; nil: we may not see them
}

func lookAtLabels() labels {
	l := labels{appArmor: lsm.AppArmor(), seLinux: lsm.SELinux()}
	if text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles"); err == nil {
		l.profiles = profiles(string(text))
	}
	return l
}

// profiles reads lines like "name (enforce)".
func profiles(text string) map[string]bool {
	set := map[string]bool{"unconfined": true}
	for line := range strings.Lines(text) {
		if i := strings.LastIndex(line, " ("); i > 0 {
			set[line[:i]] = true
		}
	}
	return set
}

func (l *labels) judge(w *wants) []Check {
	a := Check{Name: "label.apparmor", Status: OK, Need: Optional, Found: "enabled"}
	switch {
	case !l.appArmor:
		a.Status, a.Found, a.Fails = Missing, "not enabled", "process.apparmorProfile"
		a.Mend = "boot with apparmor in the kernel's parameter lsm=, or leave the profile out"
	case w.profile != "" && l.profiles != nil && !l.profiles[w.profile]:
		a.Status, a.Found, a.Fails = Missing, "the profile "+w.profile+" isn't loaded", "process.apparmorProfile"
		a.Mend = "load it by apparmor_parser"
	}
	s := Check{Name: "label.selinux", Status: OK, Need: Optional, Found: "enabled"}
	if !l.seLinux {
		s.Status, s.Found, s.Fails = Missing, "not enabled", "process.selinuxLabel, linux.mountLabel"
		s.Mend = "boot with selinux in the kernel's parameter lsm=, and load a policy; or leave the labels out"
	}
	return []Check{a, s}
}
