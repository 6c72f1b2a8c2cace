package differ

import (
	"encoding/json"
	"maps"
	"slices"
)

// shrink takes parts of a case away, one at a time, as long as what is left still
// fails, and returns the smallest case it finds. Parts are whatever the case's
// JSON has: elements of lists and members of objects, large ones first. fails
// must be false for cases that can't be run.
func shrink(c *Case, fails func(*Case) bool) (smallest *Case, tries int) {
	for again := true; again; {
		again = false
		for at := 0; ; at++ {
			smaller, ok := without1(c, at)
			if !ok {
				break
			}
			if smaller == nil || smaller.text() == c.text() {
				continue // it is a case no more, or the part has no way to be absent
			}
			tries++
			if fails(smaller) {
				c, again = smaller, true
				at-- // what came next is now here
			}
		}
	}
	return c, tries
}

// without1 removes the n-th part of a case; ok is false when it hasn't so many.
// Part 0 is nearest to the top.
func without1(c *Case, n int) (smaller *Case, ok bool) {
	var tree any
	if err := json.Unmarshal([]byte(c.text()), &tree); err != nil {
		return nil, false
	}
	level := []*any{&tree}
	for len(level) > 0 {
		var next []*any
		for _, node := range level {
			size := parts(*node)
			if n < size {
				removePart(node, n)
				return caseOf(tree), true
			}
			n -= size
			next = append(next, children(node)...)
		}
		level = next
	}
	return nil, false
}

func parts(node any) int {
	switch v := node.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	}
	return 0
}

func removePart(node *any, n int) {
	switch v := (*node).(type) {
	case map[string]any:
		delete(v, slices.Sorted(maps.Keys(v))[n])
	case []any:
		*node = slices.Delete(v, n, n+1)
	}
}

// children are places whose content can be replaced.
func children(node *any) (list []*any) {
	switch v := (*node).(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, inMap(v, key))
		}
	case []any:
		for i := range v {
			list = append(list, &v[i])
		}
	}
	return list
}

// inMap gives a map's value a place: a list there is replaced through a pointer
// that the map is told of when the tree is written.
func inMap(m map[string]any, key string) *any {
	p := new(any)
	*p = m[key]
	m[key] = p
	return p
}

// caseOf makes a case of a tree again, nil if that can't be.
func caseOf(tree any) *Case {
	data, err := json.Marshal(tree)
	c := new(Case)
	if err != nil || json.Unmarshal(data, c) != nil || danger(c) != "" {
		return nil
	}
	return c
}
