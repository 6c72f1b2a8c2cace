// Package differ compares rung with runc by chance: it makes valid configurations
// from a seed, runs each on both, with the same paths and ids, and compares line
// by line what came out and what the container's process saw.
//
//	generate  seed and index → Case: pure, the same for ever
//	rig       what a case needs on the host: bundle, image, a holder of namespaces
//	life      runs a case on one runtime and writes a Sight
//	look      what the host sees of a process of the container
//	normal    pids, inodes and the like become words
//	sight     lines with keys, and their differences
//	known     the table of differences that are known, with a reason each
//	shrink    takes a case apart while it still differs
//
// The test in this package is the program: see TestDiffer for its flags.
package differ
