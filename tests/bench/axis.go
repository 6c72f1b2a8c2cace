package main

import "math"

// An axis maps values to places in a plot.
type axis struct {
	from, to  float64 // places of low and high
	low, high float64
	log       bool
	ticks     []float64
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// newAxis makes an axis that ends at round numbers around all values: from nothing,
// or logarithmic if the values are far apart.
func newAxis(from, to, low, high float64) axis {
	a := axis{from: from, to: to, log: high >= logFrom*low}
	if a.log {
		a.ticks = between(low, high)
		a.low, a.high = a.ticks[0], a.ticks[len(a.ticks)-1]
		return a
	}
	step := roundUp(high / 5)
	count := int(math.Ceil(high/step - 1e-9))
	for i := range count + 1 {
		a.ticks = append(a.ticks, float64(i)*step)
	}
	a.high = a.ticks[count]
	return a
}

// between lists 1, 2 and 5 times powers of ten, from one not above low to one not
// below high.
func between(low, high float64) []float64 {
	var list []float64
	for power := int(math.Floor(math.Log10(low))); ; power++ {
		for _, digit := range []float64{1, 2, 5} {
			v := scaled(digit, power)
			if v <= low {
				list = list[:0]
			}
			list = append(list, v)
			if v >= high {
				return list
			}
		}
	}
}

// roundUp returns the least of 1, 2 and 5 times a power of ten that isn't below v.
func roundUp(v float64) float64 {
	list := between(v, v)
	return list[len(list)-1]
}

// scaled doesn't multiply by 0.1, which isn't exact.
func scaled(digit float64, power int) float64 {
	if power < 0 {
		return digit / math.Pow10(-power)
	}
	return digit * math.Pow10(power)
}
