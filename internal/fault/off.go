//go:build !faultpoints

package fault

// First says which process builds.
func First(int) {}

// Awaits is false.
func Awaits() bool { return false }

// Point is where a fault can be injected.
func Point(string) {}

// Finish is called before the program ends.
func Finish() {}

// Text is what a test puts in the place of something that no machine here has:
// nothing.
func Text(string) string { return "" }

// Step is a numbered point.
func Step(string, int) {}
