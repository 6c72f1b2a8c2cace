package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A plot's measures, in SVG's user units.
const (
	plotWidth, plotHeight      = 640, 400
	plotLeft, plotRight        = 70, 610
	plotTop, plotBottom        = 50, 340
	tickLength, labelDistance  = 5, 18
	logFrom                    = 10.0 // a y axis is logarithmic if the values are so many times apart
	legendX, legendY, legendDX = 380, 24, 84
)

// plotStyle follows the reader's colour scheme, and is the light one for renderers
// that know none. Lines differ in dashes too, for those who don't tell colours apart.
const plotStyle = `
.paper{fill:#fff}
text{font:13px sans-serif;fill:#222}
.title{font-size:15px;font-weight:bold}
.axis{stroke:#222;fill:none}
.grid{stroke:#222;stroke-opacity:.15}
.line{fill:none;stroke-width:2}
.rung .line{stroke:#0b62c4}
.rung circle{fill:#0b62c4}
.crun .line{stroke:#c2410c;stroke-dasharray:7 3}
.crun circle{fill:#c2410c}
.runc .line{stroke:#5b6470;stroke-dasharray:2 3}
.runc circle{fill:#5b6470}
@media (prefers-color-scheme:dark){
.paper{fill:#14171a}
text{fill:#dde1e6}
.axis,.grid{stroke:#dde1e6}
.rung .line{stroke:#6cb2ff}
.rung circle{fill:#6cb2ff}
.crun .line{stroke:#ff9a5c}
.crun circle{fill:#ff9a5c}
.runc .line{stroke:#a3adb8}
.runc circle{fill:#a3adb8}
}
`

// writePlots writes a plot per curve.
func writePlots(dir string, curves []curve) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range curves {
		var text bytes.Buffer
		plot(&text, c)
		file := filepath.Join(dir, strings.TrimLeft(c.Operation, "-")+"-by-"+c.Subject+".svg")
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plot draws a curve's medians over its sizes, which are on a logarithmic axis.
func plot(w io.Writer, c curve) {
	x, y := c.axes()
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", plotWidth, plotHeight, plotWidth, plotHeight)
	fmt.Fprintf(w, "<title>%s</title>\n<style>%s</style>\n", c.name(), plotStyle)
	fmt.Fprintf(w, `<rect class="paper" width="%d" height="%d"/>`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(w, `<text class="title" x="%d" y="28">%s</text>`+"\n", plotLeft, c.name())
	for _, v := range y.ticks {
		at := y.at(v)
		fmt.Fprintf(w, `<path class="grid" d="M%d %.1fH%d"/><path class="axis" d="M%d %.1fh-%d"/>`, plotLeft, at, plotRight, plotLeft, at, tickLength)
		fmt.Fprintf(w, `<text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", plotLeft-tickLength-4, at+4, v)
	}
	for _, v := range x.ticks {
		fmt.Fprintf(w, `<path class="axis" d="M%.1f %dv%d"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			x.at(v), plotBottom, tickLength, x.at(v), plotBottom+tickLength+labelDistance-4, v)
	}
	fmt.Fprintf(w, `<path class="axis" d="M%d %dV%dH%d"/>`+"\n", plotLeft, plotTop, plotBottom, plotRight)
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+plotRight)/2, plotHeight-14, c.Unit)
	fmt.Fprintf(w, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">milliseconds, median</text>`+"\n", (plotTop+plotBottom)/2)
	for i, name := range runtimeNames {
		c.plotLine(w, name, x, y)
		at := legendX + i*legendDX
		fmt.Fprintf(w, `<g class="%s"><path class="line" d="M%d %dh28"/><circle cx="%d" cy="%d" r="4"/></g><text x="%d" y="%d">%s</text>`+"\n",
			name, at, legendY, at+14, legendY, at+34, legendY+4, name)
	}
	fmt.Fprint(w, "</svg>\n")
}

// plotLine draws one runtime's points and the line through them.
func (c curve) plotLine(w io.Writer, name string, x, y axis) {
	path, points := "", ""
	for _, p := range c.Points {
		median, ok := p.Median[name]
		if !ok {
			continue
		}
		command := "L"
		if path == "" {
			command = "M"
		}
		path += fmt.Sprintf("%s%.1f %.1f", command, x.at(p.Size), y.at(median))
		points += fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="4"/>`, x.at(p.Size), y.at(median))
	}
	if path != "" {
		fmt.Fprintf(w, `<g class="%s"><path class="line" d="%s"/>%s</g>`+"\n", name, path, points)
	}
}

func (c curve) axes() (x, y axis) {
	x = axis{from: plotLeft, to: plotRight, log: true, low: c.Points[0].Size, high: c.Points[len(c.Points)-1].Size}
	low, high := math.Inf(1), 0.0
	for _, p := range c.Points {
		x.ticks = append(x.ticks, p.Size)
		for _, name := range runtimeNames {
			if v, ok := p.Median[name]; ok {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if high == 0 { // all have failed
		low, high = 1, 1
	}
	return x, newAxis(plotBottom, plotTop, low, high)
}
