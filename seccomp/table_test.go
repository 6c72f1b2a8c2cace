//go:build libseccomp

package seccomp

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// TestTable prints the table of docs/seccomp.md: go test -tags libseccomp -run
// Table -v ./seccomp.
func TestTable(t *testing.T) {
	profiles := engineProfiles(t)
	fmt.Println("| profile | compiler | instructions | most executed | mean executed | compile, µs |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		p := profiles[name]
		for _, c := range []struct {
			name    string
			compile func() ([]instruction, error)
		}{
			{"rung", func() ([]instruction, error) { return compileRules(p, Native()) }},
			{"libseccomp, default", func() ([]instruction, error) { return atLevel(p, 1) }},
			{"libseccomp, binary tree", func() ([]instruction, error) { return atLevel(p, 2) }},
		} {
			code, err := c.compile()
			if err != nil {
				t.Fatal(err)
			}
			best := time.Hour
			for range 30 {
				start := time.Now()
				c.compile()
				best = min(best, time.Since(start))
			}
			most, sum, calls := 0, 0, 0
			a := findArch(Native())
			probes(p, a, newMaker(1), func(in *seen) {
				_, steps, err := run(code, in, a.big)
				if err != nil {
					t.Fatal(err)
				}
				most, sum, calls = max(most, steps), sum+steps, calls+1
			})
			fmt.Printf("| %s | %s | %d | %d | %.1f | %d |\n", name, c.name, len(code), most, float64(sum)/float64(calls), best.Microseconds())
		}
	}
}

// atLevel is libseccomp's program alone.
func atLevel(p *specs.LinuxSeccomp, level int) (code []instruction, err error) {
	raw, err := libraryProgram(p, func(f *libseccomp.ScmpFilter) error { return f.SetOptimize(level) })
	for b := range slices.Chunk(raw, unix.SizeofSockFilter) {
		code = append(code, decode(b, binary.NativeEndian))
	}
	return code, err
}
