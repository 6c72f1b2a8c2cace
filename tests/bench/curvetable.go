package main

import (
	"fmt"
	"io"
	"strings"
)

func (r *results) printCurves(w io.Writer) {
	if len(r.Curves) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Growth\n\nMilliseconds, median (minimum), of interleaved rounds; ratios are the medians of the rounds' ratios (quartiles).\n")
	fmt.Fprint(w, "Beside each runtime the line through its medians by least squares. Growth is superlinear if a unit costs more than\n")
	fmt.Fprintf(w, "%g times as much in the last step as in the step before, by more than %d standard errors; flat if the whole rise is within them.\n", steeper, sure)
	for _, c := range r.Curves {
		printCurve(w, c)
	}
}

func printCurve(w io.Writer, c curve) {
	fmt.Fprintf(w, "\n### %s, %d rounds\n\n| %s | rung | crun | runc | rung/crun | rung/runc |\n|---:|---:|---:|---:|---:|---:|\n",
		c.name(), c.Points[len(c.Points)-1].Rounds, c.Unit)
	for _, p := range c.Points {
		fmt.Fprintf(w, "| %g |", p.Size)
		for _, name := range runtimeNames {
			if median, ok := p.Median[name]; ok {
				fmt.Fprintf(w, " %.2f (%.2f) |", median, p.Min[name])
			} else {
				fmt.Fprint(w, " – |")
			}
		}
		for _, name := range runtimeNames[1:] {
			if ratio, ok := p.Ratio[name]; ok {
				fmt.Fprintf(w, " %.2f (%.2f–%.2f) |", ratio, p.Low[name], p.High[name])
			} else {
				fmt.Fprint(w, " – |")
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\n| | ms per unit | ms at none | R² | a unit in the last step | growth |\n|---|---:|---:|---:|---:|---|\n")
	for _, name := range runtimeNames {
		f := c.Fits[name]
		marginal := "–"
		if f.Marginal > 0 {
			marginal = fmt.Sprintf("× %.2f", f.Marginal)
		}
		fmt.Fprintf(w, "| %s | %.4g | %.2f | %.3f | %s | %s |\n", name, f.Slope, f.Intercept, f.R2, marginal, f.Verdict)
	}
	printAlone(w, c)
	printErrors(w, c)
}

// printAlone is the table of what the other containers of a state directory cost,
// with standard errors.
func printAlone(w io.Writer, c curve) {
	if c.Points[0].Alone == nil {
		return
	}
	fmt.Fprintf(w, "\n| %s, × alone in a state directory | rung | crun | runc |\n|---:|---:|---:|---:|\n", c.Unit)
	for _, p := range c.Points {
		fmt.Fprintf(w, "| %g |", p.Size)
		for _, name := range runtimeNames {
			if ratio, ok := p.Alone[name]; ok {
				fmt.Fprintf(w, " %.2f ± %.2f |", ratio, p.AloneError[name])
			} else {
				fmt.Fprint(w, " – |")
			}
		}
		fmt.Fprintln(w)
	}
}

// printErrors tells why a table has gaps.
func printErrors(w io.Writer, c curve) {
	head := "\n"
	for _, p := range c.Points {
		for _, name := range runtimeNames {
			if text, ok := p.Errors[name]; ok {
				fmt.Fprintf(w, "%s- %s at %g: %s\n", head, name, p.Size, shorten(text))
				head = ""
			}
		}
	}
}

// shorten makes one line of an error; the JSON has all of it.
func shorten(text string) string {
	const longest = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " …"
	}
	return text
}

func (r *results) printRates(w io.Writer) {
	if len(r.Rates) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## Containers per second\n\n`run`, so many at a time; median of %d interleaved rounds, ratios are the medians of the rounds' ratios.\n\n", r.Rates[0].Rounds)
	fmt.Fprint(w, "| at a time | rung | crun | runc | rung/crun | rung/runc |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, v := range r.Rates {
		fmt.Fprintf(w, "| %d | %.0f | %.0f | %.0f | %.2f | %.2f |\n", v.AtOnce,
			v.Rate["rung"], v.Rate["crun"], v.Rate["runc"], v.Ratio["crun"], v.Ratio["runc"])
	}
}
