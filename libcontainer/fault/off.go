//go:build !faultpoints

package fault

// Wanted is the point at which this process shall die: none.
func Wanted() string { return "" }

// Set chooses the point.
func Set(string) {}

// Point is where a fault can be injected.
func Point(string) {}

// Step is a numbered point.
func Step(string, int) {}
