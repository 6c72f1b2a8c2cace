package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSize reads a number of bytes with an optional unit, in powers of 1024:
// 512m, 1.5G, 64KiB, 10 mb. -1 is no limit. The error's text is runc's.
func parseSize(s string) (int64, error) {
	if s == "-1" {
		return -1, nil
	}
	digits := strings.TrimRight(s, "bBiIkKmMgGtTpP ")
	unit := strings.ToLower(strings.TrimPrefix(s[len(digits):], " "))
	n, err := strconv.ParseFloat(digits, 64)
	shift, ok := 0, true
	if unit != "" && unit != "b" {
		shift = strings.IndexByte("kmgtp", unit[0]) + 1
		rest := unit[1:]
		ok = shift > 0 && (rest == "" || rest == "b" || rest == "ib")
	}
	// Not what else counts as a number: 0x1p4, inf.
	if ok = ok && err == nil && strings.Trim(digits, "0123456789.") == ""; !ok {
		return 0, fmt.Errorf("invalid size: '%s'", s)
	}
	if n *= math.Exp2(float64(10 * shift)); n >= math.MaxInt64 {
		return 0, fmt.Errorf("invalid size: '%s'", s)
	}
	return int64(n), nil
}
