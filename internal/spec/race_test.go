//go:build race

package spec

// raceDetector tells that the code takes several times as long as without.
const raceDetector = true
