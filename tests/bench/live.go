package main

import "time"

// liveName is what -only takes.
const liveName = "live"

const (
	// oneRounds is how many rounds what acts on one container gets for each of list's: a
	// tenth more or less is to be told there.
	oneRounds = 5
	// settleTime is for what the kernel still does for containers that came.
	settleTime = 2 * time.Second
)

// An operation here leaves the container id as it is.
type liveOperation struct {
	name      string
	arguments func(id string) []string
}

var (
	// oneOperations act on one container: a first process ignores SIGWINCH. The first
	// of them does nothing, and shows what thousands of processes do to the host.
	oneOperations = []liveOperation{
		{"--version", func(string) []string { return []string{"--version"} }},
		{"state", func(id string) []string { return []string{"state", id} }},
		{"exec", func(id string) []string { return []string{"exec", id, "/bin/true"} }},
		{"kill", func(id string) []string { return []string{"kill", id, "WINCH"} }},
	}
	listOperation = liveOperation{"list", func(string) []string { return []string{"list"} }}
)

// herds are a runtime's live containers: as many as a size says, and one alone, in
// a state directory of its own.
type herds struct{ many, alone *herd }

// liveContainers measures what acts on one container, or lists all, beside more and
// more live ones. They are made once, so sizes follow each other and what the host
// does meanwhile bends the curve: something that watches processes makes each
// program slower when there are thousands. Hence the same is done to a container
// that is alone in its state directory, directly before or after, and the ratio of
// each pair tells what a runtime's other containers cost.
func (b *bench) liveContainers() ([]curve, error) {
	all := map[string]herds{}
	for _, rt := range b.runtimes() {
		many, err := b.herd(rt, "")
		if err != nil {
			return nil, err
		}
		alone, err := b.herd(rt, "-alone")
		if err != nil {
			return nil, err
		}
		if err := b.grow(alone, 1); err != nil {
			return nil, err
		}
		all[rt.name] = herds{many, alone}
	}
	curves := make([]curve, len(oneOperations)+1)
	for _, size := range tenfold {
		for _, rt := range b.runtimes() {
			if err := b.grow(all[rt.name].many, int(size)); err != nil {
				return nil, err
			}
		}
		time.Sleep(settleTime)
		points, err := b.livePoints(all, int(size))
		if err != nil {
			return nil, err
		}
		for i, p := range points {
			curves[i].Points = append(curves[i].Points, p)
		}
	}
	for i := range curves {
		c := &curves[i]
		c.Subject, c.Unit, c.Operation = liveName, "live containers", c.Points[0].Operation
		c.fitAll()
	}
	for _, rt := range b.runtimes() {
		for _, h := range []*herd{all[rt.name].many, all[rt.name].alone} {
			if err := b.disband(h); err != nil {
				return nil, err
			}
		}
	}
	reapAll()
	return curves, nil
}

// livePoints measures all operations at one size.
func (b *bench) livePoints(all map[string]herds, size int) ([]point, error) {
	many := func(name string) *herd { return all[name].many }
	alone := func(name string) *herd { return all[name].alone }
	var trials []*trial
	for _, operation := range oneOperations {
		t := b.liveTrial(operation, size, size, many)
		t.twin = b.liveTrial(operation, size, 1, alone)
		trials = append(trials, t)
	}
	if err := b.compete(oneRounds*b.growthRounds, trials); err != nil {
		return nil, err
	}
	list := b.liveTrial(listOperation, size, size, many)
	if err := b.compete(b.growthRounds, []*trial{list}); err != nil {
		return nil, err
	}
	var points []point
	for _, t := range trials {
		p := t.point()
		p.compare(t.samples, t.twin.samples)
		points = append(points, p)
	}
	return append(points, list.point()), nil
}

// liveTrial acts on the first container of the herd of each runtime's name, which
// takes no part if the herd has fewer than it should.
func (b *bench) liveTrial(operation liveOperation, size, want int, of func(string) *herd) *trial {
	t := newTrial(operation.name, float64(size), func(rt oci) (sample, error) {
		h := of(rt.name)
		return b.spawn(b.files, b.argv(h.rt, operation.arguments(h.ids[0])...), commandTime)
	})
	for _, rt := range b.runtimes() {
		if h := of(rt.name); len(h.ids) < want {
			t.errors[rt.name] = h.ended
		}
	}
	return t
}

// compare fills in what the other containers of a state directory cost.
func (p *point) compare(many, alone map[string][]sample) {
	p.Alone, p.AloneError = map[string]float64{}, map[string]float64{}
	for name, list := range many {
		if len(alone[name]) != len(list) {
			continue
		}
		var ratios []float64
		for i := range list {
			ratios = append(ratios, list[i].wall/alone[name][i].wall)
		}
		p.Alone[name], p.AloneError[name] = quantile(ratios, 0.5), medianError(ratios)
	}
}
