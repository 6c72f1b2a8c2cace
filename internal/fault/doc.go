// Package fault has named points at which tests stop or kill the runtime. In a
// build without the tag "faultpoints" they are empty functions that the compiler
// removes.
package fault
