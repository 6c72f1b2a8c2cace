package choose

import "github.com/rung-oci/rung/cgroups/systemd"

// ReachSystemd tells which version of systemd, or of the user's own one, answers. Nothing is asked of it but that.
func ReachSystemd(user bool) (version int, err error) {
	if err := systemd.Running(); err != nil {
		return 0, err
	}
	return systemd.Version(user)
}
