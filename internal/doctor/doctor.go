// Package doctor finds out what this host can do for containers: in general, or for one bundle.
//
// What a look can't tell is done, in a child that ends with it or on a mount that is attached nowhere: nothing is left, but for a
// cgroup if we are killed while it is there. Looking (the functions that fill a [host]) and judging (its methods that return
// checks) are apart: what is said of a host follows from values alone.
package doctor

import (
	"github.com/rung-oci/rung/internal/spec"
)

// Status is how it stands with what was examined.
type Status string

// The statuses.
const (
	OK       Status = "ok"
	Degraded Status = "degraded" // there, with limits
	Missing  Status = "missing"
)

// Statuses are all of them, from the best on.
var Statuses = []Status{OK, Degraded, Missing}

// Need is how much depends on it.
type Need string

// The needs.
const (
	Required Need = "required" // no container goes without, or not the bundle's
	Usual    Need = "usual"    // many containers have it; of a bundle it is known whether it does
	Optional Need = "optional" // nobody has asked
)

// Needs are all of them.
var Needs = []Need{Required, Usual, Optional}

// A Check is what was found out about one thing.
type Check struct {
	Name   string // subject, a dot and what of it: "namespace.user"
	Status Status
	Need   Need
	Field  string // of the configuration, that asks for it; "": none does
	Found  string // what there is
	Fails  string // what fails, if it isn't OK
	Mend   string // what to do about it
	always bool   // required whatever the bundle asks for
}

// Options say for what the host is examined.
type Options struct {
	Bundle        *spec.Bundle // nil: for containers in general
	Root          string       // directory of the containers' state
	SystemdCgroup bool         // as in [libcontainer.Runtime], like the next two
	NoCgroup      bool
	Rootless      bool
	Refused       error // why no plan for the bundle can be made; nil: one can
}

// Examine examines the host. The checks are in an order of subjects that stays.
func Examine(o *Options) []Check {
	w := ask(o)
	return weigh(look(w).judge(w), w)
}

// Verdict is 2 if something required is missing, 1 if something required is degraded or something usual isn't as it should be,
// and otherwise 0.
func Verdict(list []Check) int {
	code := 0
	for i := range list {
		switch c := &list[i]; {
		case c.Status == Missing && c.Need == Required:
			return 2
		case c.Status != OK && c.Need != Optional:
			code = 1
		}
	}
	return code
}

// weigh says how much depends on each check: for a bundle, as much as that asks for.
func weigh(list []Check, w *wants) []Check {
	for i := range list {
		c := &list[i]
		c.Field = w.fields[c.Name]
		switch {
		case c.always || c.Field != "":
			c.Need = Required
		case w.bundle:
			c.Need = Optional
		}
	}
	return list
}

// host is what was found out about the host, as far as somebody wants it.
type host struct {
	caller  caller
	kernel  kernel
	spaces  spaces
	ids     ids
	files   files
	cgroup  cgroup
	seccomp filters
	labels  labels
	extras  extras
	names   names
	tried   attempted
}

// look gathers the facts.
func look(w *wants) *host {
	h := &host{caller: lookAtCaller(w)}
	h.kernel = lookAtKernel(h.caller.own, w)
	h.spaces = lookAtSpaces(h.caller.own, w)
	h.ids = lookAtIDs(&h.caller, w)
	h.files = lookAtFiles(&h.caller, w)
	h.cgroup = lookAtCgroup(w)
	h.seccomp = lookAtSeccomp()
	h.labels = lookAtLabels()
	h.extras = lookAtExtras()
	h.names = lookAtNames(&h.caller, w)
	h.tried = attemptAll(&h.caller, w)
	return h
}

// judge makes checks of the facts.
func (h *host) judge(w *wants) (list []Check) {
	list = append(list, h.caller.judge(w)...)
	list = append(list, h.kernel.judge()...)
	list = append(list, h.spaces.judge(&h.caller)...)
	list = append(list, h.names.judgeJoin(w)...)
	list = append(list, h.ids.judge(&h.caller)...)
	list = append(list, h.files.judge(&h.caller)...)
	list = append(list, h.cgroup.judge(&h.caller, w)...)
	list = append(list, h.seccomp.judge()...)
	list = append(list, h.labels.judge(w)...)
	list = append(list, h.extras.judge()...)
	list = append(list, h.names.judge(w)...)
	if w.bundle && w.spec.Process == nil {
		list = append(list, noProcess)
	}
	return append(list, h.tried.judge(&h.caller, &h.cgroup)...)
}
