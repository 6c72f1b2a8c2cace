package top

import (
	"math"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups/gauge"
)

// unknown stands where the kernel has no number.
const unknown = "-"

// clean is a text that can't move a cursor, each character of which takes one column: whoever may write to a state directory chooses names there.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// pad makes a text as long as a column; what is too long loses its end.
func pad(s string, width int, right bool) string {
	n := len([]rune(s))
	switch {
	case n > width && width > 0:
		return string([]rune(s)[:width-1]) + "~"
	case right:
		return strings.Repeat(" ", width-n) + s
	}
	return s + strings.Repeat(" ", max(0, width-n))
}

// size is a number of bytes in four places: 980, 9.8K, 98K, 980M.
func size(f float64) string { return short(f, 1024) }

// short is a number in four places.
func short(f, thousand float64) string {
	const units = "KMGTPE"
	if f < 999.5 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	i := -1
	for f >= 999.5 && i < len(units)-1 {
		f /= thousand
		i++
	}
	digits := 0
	if f < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + units[i:i+1]
}

func bytes(n gauge.Number) string {
	if !n.Known {
		return unknown
	}
	return size(float64(n.Value))
}

// count is a number of things, as it is up to 9999.
func count(n gauge.Number) string {
	switch {
	case !n.Known:
		return unknown
	case n.Value > 9999:
		return short(float64(n.Value), 1000)
	}
	return strconv.FormatUint(n.Value, 10)
}

func rate(r Rate) string {
	if !r.Known {
		return unknown
	}
	return size(r.Value)
}

// percent has a decimal place for what is small.
func percent(r Rate) string {
	switch {
	case !r.Known:
		return unknown
	case r.Value < 99.95:
		return strconv.FormatFloat(r.Value, 'f', 1, 64)
	}
	return strconv.FormatFloat(r.Value, 'f', 0, 64)
}

// The steps of a sparkline, for terminals with and without Unicode.
var (
	blocks = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'} // not converted from a text, which every verb would do
	ascii  = [...]rune{'_', '.', '-', ':', '=', '+', '*', '#'}
)

// spark draws the last values of a series in a width, the newest at the right, from 0 to a top. What isn't known is a blank.
func spark(s series, width int, top float64, steps []rune) string {
	out := make([]rune, 0, width)
	for range width - len(s) {
		out = append(out, ' ')
	}
	for _, v := range s[max(0, len(s)-width):] {
		if v < 0 {
			out = append(out, ' ')
			continue
		}
		step := 0
		if top > 0 {
			step = int(math.Ceil(float64(v)/top*float64(len(steps)))) - 1
		}
		out = append(out, steps[max(0, min(step, len(steps)-1))])
	}
	return string(out)
}

// highest is the largest of the last values.
func (s series) highest(width int) float64 {
	top := 0.0
	for _, v := range s[max(0, len(s)-width):] {
		top = max(top, float64(v))
	}
	return top
}
