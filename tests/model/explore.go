package model

import (
	"fmt"
	"slices"
	"strings"
)

// A move is what somebody does next.
type move struct {
	what  string
	to    State
	wrong string // the promise that it breaks
}

// first is where a verb begins.
var first = map[Verb]Step{Create: Mkdir, Start: Open, Kill: OpenKill, Delete: OpenDelete, Force: Interrupt}

// moves are all that can happen in a state.
func (m Machine) moves(s State) (list []move) {
	add := func(what string, to State, wrong string) {
		to.canonical()
		list = append(list, move{what, to, wrong})
	}
	begun := false
	for a := range m.Callers {
		if s.Actors[a].Verb == Nothing {
			if !begun { // they are alike
				begun = true
				for v := Create; v <= Force; v++ {
					to := s
					to.Actors[a] = Actor{Verb: v, At: first[v]}
					add(v.String()+" begins", to, "")
				}
			}
			continue
		}
		who := fmt.Sprintf("%s: ", s.Actors[a].Verb)
		t := &turn{m: m, s: s, a: a}
		if t.do() {
			add(who+s.Actors[a].At.String(), t.s, t.wrong)
		} else {
			// Nobody waits for ever.
			t := &turn{m: m, s: s, a: a}
			t.fail(Close)
			add(who+"gives up: "+s.Actors[a].At.String(), t.s, "")
		}
		if undo, can := fails(&s.Actors[a]); can {
			t := &turn{m: m, s: s, a: a}
			t.fail(undo)
			add(who+"fails to "+s.Actors[a].At.String(), t.s, "")
		}
		to := s
		to.leave(a)
		add(who+"is killed", to, "")
	}
	for i := range s.Dirs {
		switch p := s.Dirs[i].Proc; {
		case p == Dying, p == Building, p == Waiting, p == Running:
			to := s
			to.Dirs[i].Proc, to.Dirs[i].Maker = Ended, 0
			add("a process ends", to, "")
		}
	}
	return list
}

// fails is where a create goes on that the kernel refuses the next step.
func fails(a *Actor) (undo Step, can bool) {
	if a.Verb != Create || a.Failed {
		return 0, false
	}
	switch a.At {
	case OpenMade, LockMade, LookFresh:
		return Close, a.Dir != 0
	case LookEmpty, WriteIntent, MakeCgroup:
		return RemoveFiles, true
	case Clone:
		return UndoCgroup, true
	case WriteRecord, LetGo:
		return UndoProcess, true
	}
	return 0, false
}

// broken is the promise that a state breaks; "" if it breaks none.
func (s *State) broken() string {
	alive := 0
	for i := range s.Dirs {
		d := &s.Dirs[i]
		if !d.Proc.Alive() {
			continue
		}
		alive++
		if d.Proc == Building {
			continue // it ends with its maker, or takes itself back with it
		}
		if s.Named != uint8(i+1) || !d.Record {
			return fmt.Sprintf("a process that is %s has no state", [...]string{Waiting: "created", Running: "running"}[d.Proc])
		}
	}
	if alive > 1 {
		return "two containers own one id"
	}
	return ""
}

// Alone runs a verb with nobody beside, to its end or, if it comes to that, to where it is killed before a step. It tells whether
// the verb has failed.
func (m Machine) Alone(s State, v Verb, killed ...Step) (after State, failed bool) {
	s.Actors[0] = Actor{Verb: v, At: first[v]}
	for range 100 {
		if slices.Contains(killed, s.Actors[0].At) {
			s.leave(0)
			failed = true
		}
		if s.Actors[0].Verb == Nothing {
			s.settle()
			s.canonical()
			return s, failed
		}
		t := &turn{m: m, s: s}
		if t.do() {
			s, failed = t.s, failed || t.lost
		} else if !s.settle() {
			return s, true // it waits for what never happens
		}
	}
	return s, true
}

// settle has the kernel do what it has to do.
func (s *State) settle() (any bool) {
	for i := range s.Dirs {
		if d := &s.Dirs[i]; d.Proc == Dying || d.Proc == Building && d.Maker == 0 {
			d.Proc, any = Ended, true
		}
	}
	return any
}

// stuck is what is wrong with a state in which nobody does anything any more; "" if nothing is.
func (m Machine) stuck(s State) string {
	gone, _ := m.Alone(s, Force)
	if gone != (State{}) {
		return "delete --force leaves something"
	}
	made, failed := m.Alone(gone, Create)
	if failed || made.Named == 0 || made.Dirs[made.Named-1].Proc != Waiting {
		return "nothing can be created after delete --force"
	}
	return ""
}

// A Report is what Explore has seen.
type Report struct {
	States, Moves, Quiet int
	Wrong                string   // the promise that can be broken; "": none
	How                  []string // it comes to that
}

// String is the report in a line, or the way to what is wrong.
func (r Report) String() string {
	text := fmt.Sprintf("%d states, %d moves, %d states in which nobody does anything", r.States, r.Moves, r.Quiet)
	if r.Wrong != "" {
		text += fmt.Sprintf("; %s:\n  %s", r.Wrong, strings.Join(r.How, "\n  "))
	}
	return text
}

// Explore looks at all states that can be reached from nothing, nearest first, until a promise is broken.
func (m Machine) Explore() (r Report) {
	type from struct {
		state State
		what  string
	}
	seen := map[State]from{{}: {}}
	tell := func(s State, wrong string) Report {
		r.Wrong = wrong
		for s != (State{}) {
			r.How = append(r.How, seen[s].what)
			s = seen[s].state
		}
		slices.Reverse(r.How)
		return r
	}
	for queue := []State{{}}; len(queue) > 0; {
		var next []State
		for _, s := range queue {
			if r.States++; s.quiet() {
				r.Quiet++
				if wrong := m.stuck(s); wrong != "" {
					return tell(s, wrong)
				}
			}
			for _, mv := range m.moves(s) {
				r.Moves++
				_, known := seen[mv.to]
				if !known {
					seen[mv.to] = from{s, mv.what}
					next = append(next, mv.to)
				}
				if mv.wrong == "" {
					mv.wrong = mv.to.broken()
				}
				if mv.wrong != "" {
					if known { // by another way: this one is what counts
						r = tell(s, mv.wrong)
						r.How = append(r.How, mv.what)
						return r
					}
					return tell(mv.to, mv.wrong)
				}
			}
		}
		queue = next
	}
	return r
}
