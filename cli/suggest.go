package cli

import "strings"

// closest is the name that somebody may have meant who has written another: one that differs in
// a letter or two, or goes on where it ends; "" if there is none, or if several are as close.
func closest(written string, names []string) string {
	best, found, tie := 3, "", false
	for _, name := range names {
		d := distance(written, name)
		if len(written) >= 3 && strings.HasPrefix(name, written) {
			d = min(d, 2)
		}
		if d >= len(name) { // nothing of it is left
			continue
		}
		switch {
		case d < best:
			best, found, tie = d, name, false
		case d == best && name != found:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return found
}

// distance is how many letters have to be changed, put in, left out or exchanged with their
// neighbours to make b of a (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

// meant ends an error with what may have been meant.
func meant(written string, names []string, before string) string {
	if len(written) > 40 {
		return ""
	}
	if name := closest(written, names); name != "" {
		return "; did you mean " + before + name + "?"
	}
	return ""
}

// unknownCommand is runc's text, and what may have been meant.
func unknownCommand(written string) string {
	names := make([]string, 0, len(commands))
	for i := range commands {
		if !commands[i].hidden {
			names = append(names, commands[i].name)
		}
	}
	return "No help topic for '" + written + "'" + meant(written, names, "")
}
