// Package suggest finds the name that somebody may have meant who has written another.
package suggest

import "strings"

// Closest is the name that may have been meant: one that differs in a letter or two, or goes on
// where the written one ends; "" if there is none, or if several are as close.
func Closest(written string, names []string) string {
	if len(written) > maxWritten {
		return ""
	}
	best, found, tie := 3, "", false
	for _, name := range names {
		if !strings.HasPrefix(name, written) && max(len(name)-len(written), len(written)-len(name)) >= best {
			continue
		}
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

// maxWritten is how long a name may be that is compared: work grows with it, and none is longer.
const maxWritten = 40

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

// Meant is how an error ends that knows what may have been meant, with before in front of the
// name; "" where it doesn't.
func Meant(written string, names []string, before string) string {
	if name := Closest(written, names); name != "" {
		return "; did you mean " + before + name + "?"
	}
	return ""
}
