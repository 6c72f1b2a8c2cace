package differ

import "math/rand/v2"

// Facts are what the generator has to know of the host.
type Facts struct {
	Controllers map[string]bool // of cgroups, in this view
	V2          bool            // nothing but cgroup2
}

// A dice makes the choices of one case.
type dice struct {
	*rand.Rand
	facts *Facts
	c     *Case
}

// p is true in n of 100 throws.
func (d *dice) p(n int) bool { return d.IntN(100) < n }

// pick takes one.
func pick[T any](d *dice, list ...T) T { return list[d.IntN(len(list))] }

// some takes each with a chance of n in 100, in order.
func some[T any](d *dice, n int, list ...T) (out []T) {
	for _, v := range list {
		if d.p(n) {
			out = append(out, v)
		}
	}
	return out
}
