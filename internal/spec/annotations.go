package spec

import "github.com/opencontainers/runtime-spec/specs-go"

// annotationKeepGroups is crun's, and Podman's `--group-add keep-groups` relies on
// it: the process keeps the additional groups of the runtime's caller, which is
// what lets a user's container use files that are the user's by a group only.
const annotationKeepGroups = "run.oci.keep_original_groups"

// KeepsGroups tells whether processes keep the groups of the runtime's caller.
func KeepsGroups(s *specs.Spec) bool {
	value, ok := s.Annotations[annotationKeepGroups]
	return ok && value != "0"
}

// keepGroups refuses groups that would not be set.
func (c *checker) keepGroups(u *specs.User) {
	if len(u.AdditionalGids) > 0 && KeepsGroups(c.s) {
		c.bad("can't be set where the annotation "+annotationKeepGroups+" keeps others", "process", "user", "additionalGids")
	}
}
