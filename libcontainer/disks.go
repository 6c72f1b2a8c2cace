package libcontainer

import (
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/proc"
)

// maxKinds bounds what is read of /proc/filesystems.
const maxKinds = 64 << 10

// disks are the file systems of mounts that are made of a block device.
func disks(s *specs.Spec, host proc.FS) (found map[plan.Disk]bool) {
	var kinds []byte
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if !filepath.IsAbs(m.Source) { // as of most: "proc", "tmpfs"
			continue
		}
		if o, err := option.Parse(m.Options); err != nil || o.Bind || o.Remount {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(m.Source, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
			continue
		}
		if kinds == nil {
			var err error
			if kinds, err = host.ReadFile("filesystems", maxKinds); err != nil {
				return nil
			}
		}
		// One that isn't there is a module that isn't yet loaded. The descriptor that a fuseblk has in its options is of who mounts it.
		if m.Type != "fuseblk" && !strings.Contains("\n"+string(kinds), "\nnodev\t"+m.Type+"\n") {
			if found == nil {
				found = make(map[plan.Disk]bool, 1)
			}
			found[plan.Disk{Kind: m.Type, Source: m.Source}] = true
		}
	}
	return found
}
