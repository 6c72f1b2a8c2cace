package main

import "math"

// A fit is the line through a curve's points, and whether they keep to one.
type fit struct {
	Slope     float64 `json:"slope"`     // milliseconds per unit
	Intercept float64 `json:"intercept"` // milliseconds
	R2        float64 `json:"r2"`
	Marginal  float64 `json:"marginal"` // cost per unit in the last step, of that in the step before; 0: that one cost nothing
	Verdict   string  `json:"verdict"`
}

// Verdicts. Linear means at most linear: less is no fault.
const (
	flat        = "flat"
	linear      = "linear"
	superlinear = "superlinear"
	unknown     = "unknown: fewer than three sizes"
)

const (
	// steeper is how much more a unit may cost in the last step of a curve than in the
	// step before. Sizes are about ten times apart: n log n gets to 1.5 there, a square to 10.
	steeper = 1.5
	// sure is of how many standard errors a difference must be to be more than noise.
	sure = 3
)

// fitPoints fits a line to points with ascending x, by least squares. e are the
// standard errors of y.
func fitPoints(x, y, e []float64) fit {
	n := len(x)
	if n < 3 {
		return fit{Verdict: unknown}
	}
	f := fit{Verdict: verdict(x, y, e)}
	f.Slope, f.Intercept, f.R2 = leastSquares(x, y)
	if before := (y[n-2] - y[n-3]) / (x[n-2] - x[n-3]); before > 0 {
		f.Marginal = max(0, (y[n-1]-y[n-2])/(x[n-1]-x[n-2])/before)
	}
	return f
}

func leastSquares(x, y []float64) (slope, intercept, r2 float64) {
	var sx, sy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
	}
	n := float64(len(x))
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-sx/n, y[i]-sy/n
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	slope = xy / xx
	intercept = (sy - slope*sx) / n
	if yy == 0 {
		return slope, intercept, 1
	}
	return slope, intercept, xy * xy / (xx * yy)
}

// verdict compares the last step with the one before it. R² doesn't tell: sizes
// grow tenfold, so the last point alone decides it, and a square gets 0.99. A curve
// is superlinear if its end is above where steeper times the cost of the step
// before leads, by more than the errors of the three points allow. A step down
// counts as none: its cause is elsewhere.
func verdict(x, y, e []float64) string {
	n := len(x)
	rise := y[n-1] - y[0]
	if rise <= sure*math.Hypot(e[n-1], e[0]) {
		return flat
	}
	reach := steeper * (x[n-1] - x[n-2]) / (x[n-2] - x[n-3])
	excess := y[n-1] - y[n-2] - reach*max(0, y[n-2]-y[n-3])
	noise := math.Hypot(e[n-1], math.Hypot((1+reach)*e[n-2], reach*e[n-3]))
	if excess > sure*noise {
		return superlinear
	}
	return linear
}
