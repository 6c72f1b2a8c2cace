package proc

import "strings"

// Unescape replaces the four characters that mountinfo writes as octal numbers.
func Unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
