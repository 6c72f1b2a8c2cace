// Package cpulist reads lists of processors or memory nodes such as "0-3,7" (cpuset(7), "List format").
package cpulist

import (
	"fmt"
	"strconv"
	"strings"
)

// Mask returns the set of the list as sched_setaffinity(2) and set_mempolicy(2) take it: bit n of
// the bytes, in the machine's order of words, is processor or node n. Its length is a multiple of
// eight bytes, 0 for an empty list. A number of limit or above is an error.
func Mask(list string, limit int) ([]byte, error) {
	var words []uint64
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, err := span(strings.TrimSpace(part), limit)
		if err != nil {
			return nil, err
		}
		for n := first; n <= last; n++ {
			for len(words) <= n/64 {
				words = append(words, 0)
			}
			words[n/64] |= 1 << (n % 64)
		}
	}
	return bytesOf(words), nil
}

// span reads a number or a range.
func span(part string, limit int) (first, last int, err error) {
	a, b, isRange := strings.Cut(part, "-")
	if !isRange {
		b = a
	}
	for _, x := range []struct {
		text string
		n    *int
	}{{a, &first}, {b, &last}} {
		n, err := strconv.ParseUint(x.text, 10, 31)
		if err != nil {
			return 0, 0, fmt.Errorf("%q is neither a number nor a range", part)
		}
		if n >= uint64(limit) {
			return 0, 0, fmt.Errorf("%d is above %d", n, limit-1)
		}
		*x.n = int(n)
	}
	if first > last {
		return 0, 0, fmt.Errorf("range %q runs backwards", part)
	}
	return first, last, nil
}
