// Package suggest finds the name that somebody may have meant who has written another.
package suggest

import (
	"slices"
	"strings"
)

// Closest is the name that may have been meant: one that differs in a letter or two, or in the case
// of letters, or goes on where the written one ends; "" if there is none, or if several are as close, or what was
// written is one of the names.
func Closest(written string, names []string) string {
	if written == "" || len(written) > maxWritten || slices.Contains(names, written) {
		return ""
	}
	if skip := shared(names); strings.HasPrefix(written, skip) { // RLIMIT_X isn't nearly RLIMIT_AS
		rest := make([]string, len(names))
		for i, name := range names {
			rest[i] = name[len(skip):]
		}
		if found := closest(written[len(skip):], rest); found != "" {
			return skip + found
		}
		return ""
	}
	return closest(written, names)
}

// shared is the word that all names begin with, "" if there is none.
func shared(names []string) string {
	if len(names) == 0 {
		return ""
	}
	word := names[0][:strings.LastIndexByte(names[0], '_')+1]
	for _, name := range names {
		for !strings.HasPrefix(name, word) {
			word = word[:strings.LastIndexByte(word[:len(word)-1], '_')+1]
		}
	}
	return word
}

func closest(written string, names []string) string {
	best, found, tie := far, "", false
	for _, name := range names {
		d := far
		switch {
		case strings.EqualFold(written, name):
			d = 0
		case len(written) >= 3 && strings.HasPrefix(name, written):
			d = min(far-1, len(name)-len(written))
		case max(len(name)-len(written), len(written)-len(name)) < far:
			d = distance(written, name)
		}
		if d >= far || 2*d > len(name) { // little of it is left
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

// far is the distance from which on names are nothing like each other.
const far = 3

// distance is how many letters have to be changed, put in, left out or exchanged with their
// neighbours to make b of a (optimal string alignment), of names whose lengths don't differ by more.
func distance(a, b string) int {
	var rows [3][maxWritten + far]int // the one before the last, the last, this one
	for j := range len(b) + 1 {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, this := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		this[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}

// Meant is how an error ends that knows what may have been meant, with before in front of the
// name; "" where it doesn't.
func Meant(written string, names []string, before string) string {
	if name := Closest(written, names); name != "" {
		return "; did you mean " + before + name + "?"
	}
	return ""
}
