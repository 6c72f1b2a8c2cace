// Package model is the life of one container id as a small machine: what is on disk, in the cgroup
// and in the process table, and callers that take the verbs' steps in any order, fail at any of them and are
// killed at any of them. All states that can be reached are looked at.
//
// In none of them a process runs that no entry knows of, two containers own one id, or a caller kills or removes
// what is another container's; and from each, once nobody does anything any more, `delete --force` leads to nothing
// and `create` to a container.
//
// A step is what other processes see at once: a system call, or several between which nothing can be seen. That the
// steps are those of the code is a test of its own, which kills the real runtime between them.
package model

import (
	"cmp"
	"slices"
)

// Phase is what has become of a container's first process.
type Phase uint8

// The phases.
const (
	None     Phase = iota
	Building       // it dies with its maker
	Waiting        // for start
	Running
	Dying // killed, and still in its cgroup
	Ended
)

// Alive tells whether a process could still do something.
func (p Phase) Alive() bool { return p == Building || p == Waiting || p == Running }

// InCgroup tells whether a process keeps its cgroup from being removed.
func (p Phase) InCgroup() bool { return p.Alive() || p == Dying }

// A Dir is the directory of one container. It outlives its name while somebody has it open.
type Dir struct {
	Claimed                  bool  // by a create: its mode says so
	Intent, Record, Poststop bool  // its files
	Cgroup                   bool  // the cgroup was made for this one
	Lock                     uint8 // whose, from 1 on
	Proc                     Phase
	Maker                    uint8 // who makes the process, from 1 on; 0: it is let go of, or its maker has died
}

// Callers is how many there may be at once.
const Callers = 3

// dirs is how many directories there may be: one that each caller has open, and the id's.
const dirs = Callers + 1

// An Actor is a caller in the middle of a verb.
type Actor struct {
	Verb   Verb
	At     Step
	Dir    uint8 // the one that it has open, from 1 on
	Absent bool  // a forced delete had found nothing when it looked first
	Hooked bool  // it has seen that nothing but poststop hooks is left to be done
	Failed bool
}

// A State is everything that anybody could see.
type State struct {
	Named  uint8 // the directory that has the id, from 1 on; 0: none
	Cgroup bool
	Dirs   [dirs]Dir
	Actors [Callers]Actor
}

// A Verb is what a caller wants.
type Verb uint8

// The verbs.
const (
	Nothing Verb = iota
	Create
	Start
	Kill
	Delete
	Force
)

// String is the verb as it is typed.
func (v Verb) String() string {
	return [...]string{"nothing", "create", "start", "kill", "delete", "delete --force"}[v]
}

// quiet tells whether nobody is in the middle of anything, the kernel included.
func (s *State) quiet() bool {
	for i := range s.Actors {
		if s.Actors[i].Verb != Nothing {
			return false
		}
	}
	return !slices.ContainsFunc(s.Dirs[:], func(d Dir) bool { return d.Proc == Dying || d.Proc == Building && d.Maker == 0 })
}

// populated tells whether a process is in the cgroup.
func (s *State) populated() bool {
	return slices.ContainsFunc(s.Dirs[:], func(d Dir) bool { return d.Proc.InCgroup() })
}

// leave has a caller end. The kernel closes what it had open.
func (s *State) leave(a int) {
	for i := range s.Dirs {
		d := &s.Dirs[i]
		if d.Lock == uint8(a+1) {
			d.Lock = 0
		}
		if d.Maker == uint8(a+1) {
			d.Maker = 0
		}
	}
	s.Actors[a] = Actor{}
}

// canonical gives states that differ by names alone one form, and forgets directories that nobody can see any more.
func (s *State) canonical() {
	var actors, slots [dirs]uint8 // old → new, from 1 on
	was := *s
	by := []int{0, 1, 2}
	slices.SortStableFunc(by, func(i, j int) int {
		x, y := &was.Actors[i], &was.Actors[j]
		return cmp.Or(-cmp.Compare(x.Verb, y.Verb), cmp.Compare(x.At, y.At), cmp.Compare(x.Dir, y.Dir))
	})
	for to, from := range by {
		s.Actors[to] = was.Actors[from]
		actors[from] = uint8(to + 1)
	}
	next := uint8(0)
	see := func(d uint8) {
		if d > 0 && slots[d-1] == 0 {
			next++
			slots[d-1] = next
		}
	}
	see(s.Named)
	for i := range s.Actors {
		see(s.Actors[i].Dir)
	}
	for i := range was.Dirs {
		if was.Dirs[i].Proc.InCgroup() {
			see(uint8(i + 1))
		}
	}
	s.Dirs = [dirs]Dir{}
	for from, to := range slots {
		if to == 0 {
			continue
		}
		d := was.Dirs[from]
		if d.Lock > 0 {
			d.Lock = actors[d.Lock-1]
		}
		if d.Maker > 0 {
			d.Maker = actors[d.Maker-1]
		}
		s.Dirs[to-1] = d
	}
	if s.Named > 0 {
		s.Named = slots[s.Named-1]
	}
	for i := range s.Actors {
		if d := &s.Actors[i].Dir; *d > 0 {
			*d = slots[*d-1]
		}
	}
}
