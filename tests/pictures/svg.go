package main

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// A line of a session: typed, or said.
type line struct {
	typed bool
	text  string
}

// columns is the width of the picture.
const columns = 110

var stamp = regexp.MustCompile(`^time="[^"]*" level=([a-z]+) msg="(.*)"$`)

// shorter leaves the time out of a line of the log.
func shorter(text string) string {
	if m := stamp.FindStringSubmatch(text); m != nil {
		return m[1] + ": " + strings.ReplaceAll(m[2], `\"`, `"`)
	}
	return text
}

// wrapped are the lines of a long one, broken between words.
func wrapped(text string) (list []line) {
	for len([]rune(text)) > columns {
		cut := columns
		if space := strings.LastIndexByte(string([]rune(text)[:columns]), ' '); space > columns/2 {
			cut = len([]rune(text[:space]))
		}
		runes := []rune(text)
		list = append(list, line{text: string(runes[:cut])})
		text = "  " + strings.TrimLeft(string(runes[cut:]), " ")
	}
	return append(list, line{text: text})
}

const (
	high = 17 // of a line, in pixels
	wide = 8.0
)

// svg draws lines as a terminal would show them, in the colours of the page's reader.
func svg(lines []line) string {
	for len(lines) > 0 && lines[len(lines)-1].text == "" {
		lines = lines[:len(lines)-1]
	}
	var b strings.Builder
	w, h := int(columns*wide)+24, len(lines)*high+24
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<style>
rect { fill: #f6f8fa; stroke: #d0d7de }
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328; white-space: pre }
.typed { font-weight: bold; fill: #0550ae }
@media (prefers-color-scheme: dark) {
rect { fill: #161b22; stroke: #30363d }
text { fill: #e6edf3 }
.typed { fill: #79c0ff }
}
</style>
<rect x="0.5" y="0.5" width="%d" height="%d" rx="6"/>
`, w, h, w, h, w-1, h-1)
	for i, l := range lines {
		class, text := "", l.text
		if l.typed {
			class, text = ` class="typed"`, "# "+text
		}
		if text != "" {
			fmt.Fprintf(&b, `<text x="12" y="%d" xml:space="preserve"%s>%s</text>`+"\n", 12+(i+1)*high-5, class, html.EscapeString(text))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
