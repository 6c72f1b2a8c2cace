package harness

import (
	"flag"
	"strconv"
)

// Seed is a flag of the command line with a seed: decimal whatever zeros it begins with, as a day of the year has them. Package flag's
// own numbers are octal then, so that two spellings are the same seed and others none.
func Seed(name string, value uint64, usage string) *uint64 {
	s := &seed{value}
	flag.Var(s, name, usage)
	return &s.uint64
}

type seed struct{ uint64 }

func (s *seed) String() string { return strconv.FormatUint(s.uint64, 10) }

func (s *seed) Set(text string) (err error) {
	s.uint64, err = strconv.ParseUint(text, 10, 64)
	return err
}
