package criu

import "strings"

// maxErrors is how many errors of a log are shown: the first, which is mostly the cause, and the last ones.
const maxErrors = 4

// Errors are the errors of a log, in one line.
func Errors(log string) string {
	var list []string
	for line := range strings.Lines(log) {
		_, text, found := strings.Cut(line, "Error (")
		if !found {
			continue
		}
		if text = "(" + strings.TrimSpace(text); len(list) == 0 || list[len(list)-1] != text {
			list = append(list, text)
		}
	}
	if len(list) > maxErrors {
		list = append(list[:1:1], list[len(list)-maxErrors+1:]...)
	}
	return strings.Join(list, "; ")
}
