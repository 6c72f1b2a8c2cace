package resctrl

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// schemas are the lines for a schemata file, in the order of the runtime-spec. A
// line for memory bandwidth in the one for the cache gives way to its own field.
func schemas(want *specs.LinuxIntelRdt) (lines []string) {
	for line := range strings.SplitSeq(want.L3CacheSchema, "\n") {
		if line = strings.TrimSpace(line); line != "" && (want.MemBwSchema == "" || !strings.HasPrefix(line, "MB:")) {
			lines = append(lines, line)
		}
	}
	if want.MemBwSchema != "" {
		lines = append(lines, want.MemBwSchema)
	}
	return append(lines, want.Schemata...)
}

// compare reports an error unless the class has what the schemas say. It may have
// more.
func (g *Group) compare(l3, memoryBandwidth string) error {
	wanted := schemas(&specs.LinuxIntelRdt{L3CacheSchema: l3, MemBwSchema: memoryBandwidth})
	if len(wanted) == 0 {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(g.Class, "schemata"))
	if err != nil {
		return err
	}
	has := parse(string(text))
	for _, line := range wanted {
		for name, values := range parse(line) {
			for domain, value := range values {
				if got, ok := has[name][domain]; !ok || got != value {
					return fmt.Errorf("class of service %s exists, with another schema than %q", g.Class, line)
				}
			}
		}
	}
	return nil
}

// parse reads lines like "L3:0=7f0;1=1f": resource → domain → value. The kernel
// pads lines, and values of memory bandwidth.
func parse(text string) map[string]map[string]string {
	schema := map[string]map[string]string{}
	for line := range strings.Lines(text) {
		name, list, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		values := map[string]string{}
		for pair := range strings.SplitSeq(list, ";") {
			domain, value, _ := strings.Cut(pair, "=")
			values[normal(domain, 10)] = normal(value, base(name))
		}
		schema[name] = values
	}
	return schema
}

// base is that of a resource's values: bit masks of caches are hexadecimal.
func base(name string) int {
	if strings.HasPrefix(name, "L") {
		return 16
	}
	return 10
}

// normal writes a number in the one way, so that numbers can be compared.
func normal(s string, base int) string {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, base, 64); err == nil {
		return strconv.FormatUint(n, base)
	}
	return s
}
