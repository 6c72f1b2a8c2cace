package report

import (
	"strconv"
	"strings"
)

// ParseMounts reads the text of a mountinfo file.
func ParseMounts(text string) []Mount {
	var mounts []Mount
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		dash := 6
		for dash < len(f) && f[dash] != "-" {
			dash++
		}
		if dash+3 > len(f) {
			continue
		}
		m := Mount{Dev: f[2], Root: unescape(f[3]), Point: unescape(f[4]), Options: f[5]}
		m.ID, _ = strconv.Atoi(f[0])
		m.Parent, _ = strconv.Atoi(f[1])
		m.Propagation = strings.Join(f[6:dash], " ")
		m.Type, m.Source = f[dash+1], unescape(f[dash+2])
		if dash+3 < len(f) {
			m.Super = f[dash+3]
		}
		mounts = append(mounts, m)
	}
	return mounts
}

func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
