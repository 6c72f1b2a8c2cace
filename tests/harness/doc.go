// Package harness runs the runtime under test and looks at what it leaves.
//
// A test package has one line, func TestMain(m *testing.M) { harness.Main(m) },
// and then tests such as
//
//	func TestHostname(t *testing.T) {
//		b := harness.New(t, harness.Probe(), func(s *specs.Spec) { s.Hostname = "box" })
//		if got := b.Report(t).Hostname; got != "box" { … }
//	}
//
// Main builds the runtime and the probe once, and runs the package's tests in
// each view of the host's cgroups (see [View]), every one in a mount namespace
// of its own. New makes a bundle with unique names and guards the test: whatever
// the runtime leaves behind on the host fails it. Nothing here is parallel
// inside one process, so that a residue has one suspect; packages may be.
//
// Environment: RUNTIME is the runtime to test in place of a new build of this
// repository (tests of what only rung does are skipped then, see [NeedRung]);
// RUNG_VIEW, a comma-separated list of views, restricts the views; RUNG_KEEP=1
// keeps the temporary directories; RUNG_PREBUILT is a directory with the programs
// that Main and Program would build; RUNG_EMULATED=1 says that the processor is emulated,
// and slow.
package harness
