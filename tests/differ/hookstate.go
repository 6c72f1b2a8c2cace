package differ

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// hookState adds the state that a hook was given, or that the state command
// printed: its keys with their values, but for those of the run.
func hookState(s *Sight, prefix, text string) {
	var state map[string]any
	if err := json.Unmarshal([]byte(unquote(text)), &state); err != nil {
		s.Add(prefix+"state", "no JSON")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		value := state[key]
		switch key {
		case "pid":
			if pid, ok := value.(float64); ok && pid > 0 {
				value = "a pid"
			}
		case "created", "owner", "rootfs":
			value = "there" // state's, beyond the specification
		case "ociVersion":
			value = "there" // each runtime's own
		}
		s.Add(prefix+"state "+key, "%v", value)
	}
}

// unquote undoes inside's quoting of control characters and backslashes.
func unquote(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				fmt.Fprintf(&b, "%c", rune(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
