package spec

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What exec, update and seccomp are given is decoded whole or refused, and named by its place.
func FuzzParts(f *testing.F) {
	for _, text := range []string{
		`{"args":["sh"],"cwd":"/","user":{"uid":1}}`, `{"memory":{"limit":5},"devices":[{"allow":true,"access":"r"}]}`,
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}]}`,
		"null", "[]", `{"args":1,"args":2}`, `{"user":{"uid":-1}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		process, _, err := DecodeProcess(text)
		if (process == nil) != (err != nil) {
			t.Errorf("a process %v, and %v", process, err)
		}
		if process != nil {
			_ = ValidateProcess(process, &specs.Spec{})
		}
		resources, _, err := DecodeResources(text)
		if (resources == nil) != (err != nil) {
			t.Errorf("resources %v, and %v", resources, err)
		}
		profile, err := DecodeSeccomp(text)
		if (profile == nil) != (err != nil) {
			t.Errorf("a profile %v, and %v", profile, err)
		}
	})
}
