package preview

import (
	"slices"
	"strings"
)

// Change is a line that one of two previews has and the other hasn't.
type Change struct {
	Section string `json:"section"`
	Op      string `json:"op"` // "-": of the first, "+": of the second
	Line    string `json:"line"`
}

// Diff says how b differs from a, section by section. Where the bundles are, and what the containers are called, isn't compared: paths
// in them are written as <rootfs> and <bundle>.
func Diff(a, b *Preview) []Change {
	list := []Change{}
	as, bs := a.anonymous(), b.anonymous()
	title := func(s Section) string { return s.Title }
	var titles []string
	for _, s := range append(slices.Clone(as), bs...) {
		if !slices.Contains(titles, title(s)) && s.Title != "container" {
			titles = append(titles, s.Title)
		}
	}
	of := func(list []Section, title string) []string {
		for _, s := range list {
			if s.Title == title {
				return s.Lines
			}
		}
		return nil
	}
	for _, t := range titles {
		for _, c := range compare(of(as, t), of(bs, t)) {
			list = append(list, Change{t, c.Op, c.Line})
		}
	}
	return list
}

// anonymous are the sections without the places of bundle and root filesystem.
func (p *Preview) anonymous() []Section {
	list := p.Sections()
	for i := range list {
		lines := make([]string, 0, len(list[i].Lines))
		for _, l := range list[i].Lines {
			for _, dir := range [...]struct{ path, name string }{{p.Rootfs, "<rootfs>"}, {p.Bundle, "<bundle>"}} {
				if dir.path != "" && dir.path != "/" {
					l = strings.ReplaceAll(l, dir.path, dir.name)
				}
			}
			lines = append(lines, l)
		}
		list[i].Lines = lines
	}
	return list
}

// compare finds the lines that two lists don't share: what is left of them beside a longest common subsequence.
func compare(a, b []string) (out []Change) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	// length[i][j] is that of the longest one of a[i:] and b[j:].
	length := make([][]int32, len(a)+1)
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			out = append(out, Change{Op: "-", Line: a[i]})
			i++
		default:
			out = append(out, Change{Op: "+", Line: b[j]})
			j++
		}
	}
	return out
}
