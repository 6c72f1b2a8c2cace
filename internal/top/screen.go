package top

import (
	"fmt"
	"strings"

	"github.com/rung-oci/rung/cgroups/gauge"
)

// A Line is one of a screen.
type Line struct {
	Text   string
	Marked bool // shown in reverse
}

// column is one of the table.
type column struct {
	title string
	sort  string // the key that it is sorted by
	width int
	left  bool
	rank  int // those of higher ranks go first where there is no room
	cell  func(v *View, r *Row) string
}

const (
	idWidth   = 20
	rootWidth = 24
	sparkLong = 12
)

// The columns, in their order.
var columns = [...]column{
	{"ID", "id", idWidth, true, 0, func(_ *View, r *Row) string { return clean(r.ID) }},
	{"STATUS", "", 7, true, 6, func(_ *View, r *Row) string { return clean(r.Status) }},
	{"CPU%", "cpu", 6, false, 0, func(_ *View, r *Row) string { return percent(r.CPU) }},
	{"THR%", "throttling", 5, false, 3, func(_ *View, r *Row) string { return percent(r.Throttled) }},
	{"MEM", "memory", 5, false, 0, func(_ *View, r *Row) string { return bytes(r.Usage.Memory) }},
	{"HIGH", "", 5, false, 7, func(_ *View, r *Row) string { return bytes(r.Usage.High) }},
	{"MAX", "", 5, false, 2, func(_ *View, r *Row) string { return bytes(r.Usage.Max) }},
	{"SWAP", "swap", 5, false, 5, func(_ *View, r *Row) string { return bytes(r.Usage.Swap) }},
	{"PIDS", "pids", 5, false, 1, func(_ *View, r *Row) string { return count(r.Usage.Pids) }},
	{"pCPU", "pressure", 5, false, 4, func(_ *View, r *Row) string { return percent(some(&r.Usage, gauge.CPU)) }},
	{"pMEM", "pressure", 5, false, 4, func(_ *View, r *Row) string { return percent(some(&r.Usage, gauge.Memory)) }},
	{"pIO", "pressure", 5, false, 4, func(_ *View, r *Row) string { return percent(some(&r.Usage, gauge.IO)) }},
	{"READ", "io", 5, false, 3, func(_ *View, r *Row) string { return rate(r.Read) }},
	{"WRITE", "io", 6, false, 3, func(_ *View, r *Row) string { return rate(r.Written) }},
	{"OOM", "oom", 4, false, 2, func(_ *View, r *Row) string { return count(r.Usage.OOMKills) }},
	{"CPU HISTORY", "", sparkLong, true, 8, func(v *View, r *Row) string {
		s := r.past.series[seriesCPU]
		return spark(s, sparkLong, max(100, s.highest(sparkLong)), v.steps())
	}},
	{"ROOT", "", rootWidth, true, 9, func(_ *View, r *Row) string { return end(clean(r.Root), rootWidth) }},
}

// end is the end of a text that is too long, which of a path says more than its beginning.
func end(s string, width int) string {
	if len(s) <= width {
		return s
	}
	return "~" + s[len(s)-width+1:]
}

// fitting are the columns for which a line has room, at least those of rank 0. 0 is any width. What is left over is for ids that are long.
func (v *View) fitting(rows []Row, width int) (list []column) {
	const most = 64 // as long as engines' are
	longest, total := idWidth, 0
	for i := range rows {
		longest = max(longest, min(most, len(rows[i].ID)))
	}
	for rank := 9; rank >= 0; rank-- {
		list, total = list[:0], -1
		for _, c := range columns {
			if c.rank <= rank && (c.title != "ROOT" || v.Roots) {
				list = append(list, c)
				total += c.width + 1
			}
		}
		if total <= width || width == 0 {
			break
		}
	}
	list[0].width = min(longest, idWidth+max(0, width-total))
	if width == 0 {
		list[0].width = longest
	}
	return list
}

// line is a row of the table, nil its head.
func (v *View) line(list []column, r *Row) string {
	cells := make([]string, 0, len(list))
	for i := range list {
		c := &list[i]
		text := c.title
		if r != nil {
			text = c.cell(v, r)
		} else if c.sort == v.Sort {
			if text += "<"; v.Reverse { // the largest is above, or below
				text = text[:len(text)-1] + ">"
			}
		}
		cells = append(cells, pad(text, c.width, !c.left))
	}
	return strings.TrimRight(strings.Join(cells, " "), " ")
}

// Table is all rows as a text, sorted as they are, for what isn't a terminal.
func (v *View) Table(rows []Row) string {
	var b strings.Builder
	list := v.fitting(rows, 0)
	for i := range list {
		if list[i].title == "CPU HISTORY" { // of one sample
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	b.WriteString(v.line(list, nil) + "\n")
	for i := range rows {
		b.WriteString(v.line(list, &rows[i]) + "\n")
	}
	return b.String()
}

// Screen is what a terminal of a size shows: as many lines as it has, none longer than it is wide.
func (v *View) Screen(rows []Row, width, height int) []Line {
	var lines []Line
	switch {
	case v.Help:
		lines = helpLines()
	case v.Page && v.find(rows) >= 0:
		lines = v.page(&rows[v.find(rows)], width)
	default:
		lines = v.table(rows, width, height)
	}
	for i := range lines {
		if r := []rune(lines[i].Text); len(r) > width {
			lines[i].Text = string(r[:width])
		}
		if lines[i].Marked {
			lines[i].Text = pad(lines[i].Text, width, false)
		}
	}
	return lines[:min(len(lines), height)]
}

// around is how many lines of a screen aren't rows: the summary, the head and the last line.
const around = 3

func (v *View) table(rows []Row, width, height int) []Line {
	room := max(1, height-around)
	v.scroll(rows, room)
	list := v.fitting(rows, width)
	lines := []Line{{Text: v.summary(rows)}, {v.line(list, nil), true}}
	for i := v.first; i < min(len(rows), v.first+room); i++ {
		lines = append(lines, Line{v.line(list, &rows[i]), rows[i].key() == v.selected})
	}
	for len(lines) < height-1 {
		lines = append(lines, Line{})
	}
	return append(lines, Line{Text: v.foot(len(rows), room)})
}

// summary is about all containers.
func (v *View) summary(rows []Row) string {
	var cpu float64
	var memory uint64
	paused := 0
	for i := range rows {
		cpu += rows[i].CPU.Value
		memory += rows[i].Usage.Memory.Value
		if rows[i].Status == "paused" {
			paused++
		}
	}
	text := fmt.Sprintf("%s  %d container(s)", v.Time, len(rows))
	if paused > 0 {
		text += fmt.Sprintf(", %d paused", paused)
	}
	if v.Ended > 0 {
		text += fmt.Sprintf(", and %d that have ended", v.Ended)
	}
	text += fmt.Sprintf("; cpu %s%%, memory %s; every %v", percent(Rate{cpu, true}), size(float64(memory)), v.Interval)
	if v.Paused {
		text += "  [stands still: space]"
	}
	return text
}

// foot says where in the table one is, and what couldn't be read.
func (v *View) foot(rows, room int) string {
	text := "q quit  ? help  enter history"
	if rows > room {
		text = fmt.Sprintf("%d-%d of %d  ", v.first+1, min(rows, v.first+room), rows) + text
	}
	if n := len(v.Notes); n > 0 {
		text += fmt.Sprintf("  | %d not read: %s", n, clean(v.Notes[0]))
	}
	return text
}

// page is the history of one container.
func (v *View) page(r *Row, width int) []Line {
	u := &r.Usage
	lines := []Line{
		{Text: fmt.Sprintf("container %s  %s  pid %d  of %s", clean(r.ID), clean(r.Status), r.PID, clean(r.Root)), Marked: true},
	}
	const names = 10
	numbers := [seriesCount]struct{ name, now, of string }{
		seriesCPU:            {"cpu %", percent(r.CPU), ""},
		seriesThrottled:      {"throttled", percent(r.Throttled), ""},
		seriesMemory:         {"memory", bytes(u.Memory), ", high " + bytes(u.High) + ", max " + bytes(u.Max)},
		seriesSwap:           {"swap", bytes(u.Swap), ""},
		seriesPids:           {"pids", count(u.Pids), ", max " + count(u.PidsMax)},
		seriesPressureCPU:    {"cpu wait", percent(some(u, gauge.CPU)), full(u, gauge.CPU)},
		seriesPressureMemory: {"mem wait", percent(some(u, gauge.Memory)), full(u, gauge.Memory)},
		seriesPressureIO:     {"io wait", percent(some(u, gauge.IO)), full(u, gauge.IO)},
		seriesRead:           {"read/s", rate(r.Read), ""},
		seriesWritten:        {"written/s", rate(r.Written), ""},
	}
	wide := max(1, min(remembered, width-names-1))
	for i, n := range numbers {
		s := r.past.series[i]
		top := s.highest(wide)
		of := n.of
		if top > 0 {
			of += ", highest " + size(top)
		}
		lines = append(lines,
			Line{Text: pad(n.name, names, false) + " " + n.now + of},
			Line{Text: strings.Repeat(" ", names+1) + strings.TrimRight(spark(s, min(wide, len(s)), top, v.steps()), " ")})
	}
	return append(lines, Line{}, Line{Text: fmt.Sprintf("OOM kills  %s, %d of them since top looks on", count(u.OOMKills), r.OOMKills)})
}

// full is the time in which all tasks waited.
func full(u *gauge.Usage, of int) string {
	p := u.Pressure[of]
	if !p.Known {
		return ""
	}
	return ", all tasks " + percent(Rate{p.Full, true})
}

func helpLines() (lines []Line) {
	for text := range strings.SplitSeq(helpText, "\n") {
		lines = append(lines, Line{Text: text})
	}
	return lines
}

const helpText = `q, ctrl-C         quit
arrows, j, k      select a container
page up, page down, g, G
enter             its history; again, or escape: back
s                 sort by the next key
r                 reverse the order
space             stand still
?                 this help

CPU%              percent of one processor
THR%              percent of the periods in which the quota was used up
MEM HIGH MAX SWAP memory that is used, its limits, and swap that is used
pCPU pMEM pIO     percent of the last 10 s in which tasks waited for it
READ WRITE        bytes a second, of block devices
OOM               processes that were killed for want of memory
-                 the kernel has no number, or there is no limit`
