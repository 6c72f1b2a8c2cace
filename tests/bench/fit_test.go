package main

import (
	"math"
	"testing"
)

func TestFitPoints(t *testing.T) {
	sizes := []float64{1, 10, 100, 1000}
	curved := func(f func(float64) float64) []float64 {
		y := make([]float64, len(sizes))
		for i, x := range sizes {
			y[i] = f(x)
		}
		return y
	}
	line := func(x float64) float64 { return 5 + 0.02*x }
	for _, c := range []struct {
		name  string
		y     []float64
		noise float64 // standard error of each y
		want  string
	}{
		{"line", curved(line), 0.01, linear},
		{"line without noise", curved(line), 0, linear},
		{"square", curved(func(x float64) float64 { return 5 + 0.00002*x*x }), 0.05, superlinear},
		{"line and square", curved(func(x float64) float64 { return 5 + 0.01*x + 0.00005*x*x }), 0.05, superlinear},
		{"n log n", curved(func(x float64) float64 { return 5 + 0.01*x*math.Log2(x+1) }), 0.05, linear},
		{"root", curved(func(x float64) float64 { return 5 + math.Sqrt(x) }), 0.05, linear},
		{"constant", []float64{5, 5, 5, 5}, 0, flat},
		{"noise", []float64{5, 5.2, 4.9, 5.3}, 0.2, flat},
		{"falling", []float64{5, 4.5, 4, 3}, 0.1, flat},
		{"noisy line, low middle", []float64{5, 5.3, 6.7, 25.5}, 0.2, linear},
		{"noisy line, dent", []float64{5, 5.4, 5.3, 25}, 0.5, linear},
		{"small step at the end", []float64{2, 2, 2, 2.2}, 0.03, linear},
		{"dip before the end", []float64{2.4, 3.2, 2.5, 3.5}, 0.1, linear},
		{"knee after a dip", []float64{5, 6, 5, 200}, 0.2, superlinear},
		{"knee at the end", []float64{5, 5.2, 7, 200}, 0.2, superlinear},
	} {
		e := []float64{c.noise, c.noise, c.noise, c.noise}
		if got := fitPoints(sizes, c.y, e); got.Verdict != c.want {
			t.Errorf("%s: fitPoints(%v) = %+v, want %s", c.name, c.y, got, c.want)
		}
	}
}

func TestFitLine(t *testing.T) {
	for _, c := range []struct {
		name                            string
		x, y                            []float64
		slope, intercept, r2, steepness float64
	}{
		{"line", []float64{1, 10, 100}, []float64{7, 25, 205}, 2, 5, 1, 1},
		{"constant", []float64{1, 10, 100}, []float64{3, 3, 3}, 0, 3, 1, 0},
		{"three points", []float64{0, 1, 2}, []float64{0, 2, 1}, 0.5, 0.5, 0.25, 0},
		{"unequal steps", []float64{1, 10, 100, 400}, []float64{1, 10, 100, 1000}, 2.558375, -49.082362, 0.977991, 3},
	} {
		got := fitPoints(c.x, c.y, make([]float64, len(c.x)))
		for _, v := range []struct {
			name      string
			got, want float64
		}{{"slope", got.Slope, c.slope}, {"intercept", got.Intercept, c.intercept}, {"R²", got.R2, c.r2}, {"steepness", got.Marginal, c.steepness}} {
			if math.Abs(v.got-v.want) > 1e-5*max(1, math.Abs(v.want)) {
				t.Errorf("%s: %s is %v, want %v", c.name, v.name, v.got, v.want)
			}
		}
	}
	if got := fitPoints([]float64{1, 2}, []float64{1, 2}, []float64{0, 0}); got.Verdict != unknown {
		t.Errorf("two points: %+v, want %s", got, unknown)
	}
}
