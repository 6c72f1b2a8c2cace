package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes with an optional unit, in powers of 1024:
// 512m, 1.5G, 64KiB, 10 mb. -1 is no limit. The errors' texts are runc's.
func parseSize(s string) (int64, error) {
	if s == "-1" {
		return -1, nil
	}
	const decimal = "0123456789."
	end := strings.LastIndexAny(s, decimal) + 1
	n, err := strconv.ParseFloat(s[:end], 64)
	// Not what else counts as a number: 0x1p4.
	if err != nil || strings.Trim(s[:end], decimal) != "" {
		return 0, fmt.Errorf("invalid size: '%s'", s)
	}
	unit := strings.TrimPrefix(s[end:], " ")
	shift, ok := sizeUnit(strings.ToLower(unit))
	if !ok {
		return 0, fmt.Errorf("invalid suffix: '%s'", unit)
	}
	if n *= math.Exp2(float64(shift)); n >= math.MaxInt64 {
		return 0, fmt.Errorf("invalid size: '%s'", s)
	}
	return int64(n), nil
}

// sizeUnit is the power of 2 that a unit stands for.
func sizeUnit(unit string) (shift int, ok bool) {
	if unit == "" || unit == "b" {
		return 0, true
	}
	shift = strings.IndexByte("kmgtp", unit[0]) + 1
	rest := unit[1:]
	return 10 * shift, shift > 0 && (rest == "" || rest == "b" || rest == "ib")
}
