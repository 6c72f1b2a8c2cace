package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// drawText draws a line a span: when it begins, how long it takes, and a bar.
func drawText(d *drawing) string {
	const width = 48
	names := 0
	for _, r := range d.rows {
		names = max(names, utf8.RuneCountInString(r.name))
	}
	names = min(names, 60)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %.0f µs\n", d.title, d.end)
	for _, r := range d.rows {
		if r.head {
			fmt.Fprintf(&b, "\n%s\n", r.name)
			continue
		}
		from, to := int(r.begin/d.end*width), int((r.begin+r.dur)/d.end*width+0.5)
		from = min(from, width-1)
		to = min(max(to, from+1), width)
		bar := strings.Repeat(" ", from) + strings.Repeat("█", to-from) + strings.Repeat(" ", width-to)
		fmt.Fprintf(&b, "%9.1f %9.1f |%s| %s\n", r.begin, r.dur, bar, cut(r.name, names))
	}
	return b.String()
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// drawSVG draws the same, with the names beside the bars.
func drawSVG(d *drawing) string {
	const (
		width, line, left, top = 1200.0, 18.0, 20.0, 44.0
		bars                   = 760.0
	)
	var b strings.Builder
	height := top + line*float64(len(d.rows)+2)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%.0f" y="20" font-size="14">%s: %.0f µs</text>`+"\n", left, escape.Replace(d.title), d.end)
	for i := range 11 {
		x := left + bars*float64(i)/10
		fmt.Fprintf(&b, `<line x1="%.1f" y1="30" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", x, x, height-line)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" font-size="10" text-anchor="middle" fill="#666">%.0f</text>`+"\n", x, height-4, d.end*float64(i)/10)
	}
	y, colour, track := top, 0, 0
	for _, r := range d.rows {
		if r.head {
			track++
			colour = (track - 1) % len(colours)
			fmt.Fprintf(&b, `<text x="%.0f" y="%.1f" font-weight="bold">%s</text>`+"\n", left, y+13, escape.Replace(r.name))
		} else {
			x, w := left+bars*r.begin/d.end, max(bars*r.dur/d.end, 1)
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.0f" fill="%s"/>`+"\n", x, y+2, w, line-4, colours[colour])
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%.0f µs  %s</text>`+"\n", left+bars+12, y+13, r.dur, escape.Replace(cut(r.name, 60)))
		}
		y += line
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// A colour for each track.
var colours = [...]string{"#3b6ea8", "#c76b29", "#4c8c4a"}
