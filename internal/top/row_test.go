package top

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rung-oci/rung/cgroups/gauge"
)

func TestRates(t *testing.T) {
	var h History
	one := func(second float64, u gauge.Usage) Row {
		return h.Add(at(second, Sample{ID: "x", Usage: u}))[0]
	}
	r := one(1, gauge.Usage{CPU: known(5e9), Read: known(100), Periods: known(10), Throttled: known(10), OOMKills: known(7)})
	if r.CPU.Known || r.Read.Known || r.Throttled.Known || r.OOMKills != 0 {
		t.Errorf("there is nothing to compare the first one with: %+v", r)
	}
	r = one(1.5, gauge.Usage{CPU: known(6e9), Read: known(150), Periods: known(20), Throttled: known(12), OOMKills: known(8)})
	if r.CPU.Value != 200 || r.Read.Value != 100 || r.Throttled.Value != 20 || r.OOMKills != 1 || r.Written.Known {
		t.Errorf("%+v", r)
	}
	r = one(2, gauge.Usage{CPU: known(6e9), Read: known(150), Periods: known(20), Throttled: known(12), OOMKills: known(8)})
	if !r.CPU.Known || r.CPU.Value != 0 || r.Throttled.Known { // no period has passed
		t.Errorf("it stood still: %+v", r)
	}
	r = one(3, gauge.Usage{CPU: known(1e6), Read: known(1)})
	if r.CPU.Known || r.Read.Known || len(r.past.series[seriesCPU]) != 1 {
		t.Errorf("it is another one of the name: %+v", r)
	}
	h.Add(nil)
	if len(h.of) != 0 {
		t.Error("what has gone is remembered")
	}
	for i := range 3 * remembered {
		r = one(float64(i), gauge.Usage{CPU: known(uint64(i))})
	}
	if len(r.past.series[seriesCPU]) != remembered {
		t.Errorf("%d samples are remembered", len(r.past.series[seriesCPU]))
	}
}

func TestSort(t *testing.T) {
	long := strings.Repeat("long", 20)
	for _, c := range []struct{ key, first, reversed, last string }{ // by what is known of all: those of which it isn't are last in both orders
		{"cpu", "busy", "evil", "bare"},
		{"throttling", "busy", "busy", "reads"},
		{"memory", "reads", "busy", long},
		{"swap", "busy", "reads", long},
		{"pids", "reads", "busy", long},
		{"pressure", "reads", "busy", long},
		{"io", "reads", "busy", long},
		{"oom", "busy", "reads", long},
		{"id", "bare", "reads", ""},
	} {
		_, list := rows()
		Sort(list, c.key, false)
		if !strings.HasPrefix(list[0].ID, c.first) || c.last != "" && list[4].ID != c.last {
			t.Errorf("by %s: %s is the first, %s the last", c.key, list[0].ID, list[4].ID)
		}
		Sort(list, c.key, true)
		if !strings.HasPrefix(list[0].ID, c.reversed) || c.last != "" && list[4].ID != c.last {
			t.Errorf("by %s in reverse: %s is the first, %s the last", c.key, list[0].ID, list[4].ID)
		}
	}
}

func TestSize(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 999: "999", 999.7: "1.0K", 1000: "1.0K", 1024: "1.0K", 10100: "9.9K", 10200: "10K", 1 << 20: "1.0M", 999 << 20: "999M", 1000 << 20: "1.0G", 5 << 40: "5.0T", 1 << 63: "8.0E",
	} {
		if got := size(f); got != want || len(got) > 4 {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 9999: "9999", 10000: "10K", 4194304: "4.2M", 999999: "1.0M"} {
		if got := count(known(n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.0", 0.04: "0.0", 99.94: "99.9", 99.96: "100", 25600: "25600"} {
		if got := percent(Rate{v, true}); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestSpark(t *testing.T) {
	for _, c := range []struct {
		s     series
		width int
		top   float64
		want  string
	}{
		{series{0, 1, 50, 100}, 4, 100, "▁▁▄█"},
		{series{100}, 3, 100, "  █"},
		{series{-1, 100, 200}, 3, 100, " ██"},
		{series{1, 2, 3}, 2, 3, "▆█"},
		{series{0, 0}, 2, 0, "▁▁"},
		{nil, 2, 0, "  "},
	} {
		if got := spark(c.s, c.width, c.top, blocks[:]); got != c.want {
			t.Errorf("%v: %q, want %q", c.s, got, c.want)
		}
	}
	if got := fmt.Sprint(series{3, 9, 1}.highest(1)); got != "1" {
		t.Error(got)
	}
}
