package seccomp

import "testing"

func BenchmarkCompile(b *testing.B) {
	p := engineProfiles(b)["docker-config-1.json"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(p, Native()); err != nil {
			b.Fatal(err)
		}
	}
}
