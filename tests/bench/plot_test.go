package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

func madeUp() curve {
	c := curve{Subject: "mounts", Unit: "bind mounts", Operation: "run"}
	for i, size := range tenfold {
		p := point{Size: size, timing: timing{Median: map[string]float64{"rung": 3 + 0.01*size, "crun": 5 + 0.03*size}}}
		if i < 3 { // runc has failed at the last size
			p.Median["runc"] = 22 + 0.2*size
		}
		c.Points = append(c.Points, p)
	}
	return c
}

// The golden file is written anew by: go test ./bench -run Plot -update.
func TestPlot(t *testing.T) {
	const golden = "testdata/run-by-mounts.svg"
	var got bytes.Buffer
	plot(&got, madeUp())
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("plot() differs from %s: look at the result of -update", golden)
	}
	d := xml.NewDecoder(&got)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
}

func TestNewAxis(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		log       bool
		ticks     []float64
	}{
		{3, 29, false, []float64{0, 10, 20, 30}},
		{2, 2.1, false, []float64{0, 0.5, 1, 1.5, 2, 2.5}},
		{1, 1, false, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{3, 30, true, []float64{2, 5, 10, 20, 50}},
		{2, 50, true, []float64{2, 5, 10, 20, 50}},
		{0.3, 4.4, true, []float64{0.2, 0.5, 1, 2, 5}},
	} {
		a := newAxis(plotBottom, plotTop, c.low, c.high)
		near := len(a.ticks) == len(c.ticks)
		for i := range a.ticks {
			near = near && a.ticks[i]-c.ticks[i] < 1e-9 && c.ticks[i]-a.ticks[i] < 1e-9
		}
		if a.log != c.log || !near {
			t.Errorf("newAxis(%v, %v): logarithmic %t, ticks %v; want %t, %v", c.low, c.high, a.log, a.ticks, c.log, c.ticks)
		}
		if got := []float64{a.at(a.low), a.at(a.high)}; !reflect.DeepEqual(got, []float64{plotBottom, plotTop}) {
			t.Errorf("newAxis(%v, %v) has its ends at %v, want %d and %d", c.low, c.high, got, plotBottom, plotTop)
		}
	}
}
