package cli

import (
	"errors"
	"strconv"
	"time"

	urfave "github.com/urfave/cli/v3"
)

// The flags of urfave/cli name functions of Go's in their errors; these have runc's
// words.
type (
	numberFlag   = urfave.FlagBase[int, urfave.NoConfig, number]
	durationFlag = urfave.FlagBase[time.Duration, urfave.NoConfig, duration]
)

var (
	errParse = errors.New("parse error")
	errRange = errors.New("value out of range")
)

// plainly is the error of a function of strconv in words for people.
func plainly(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return errParse
}

type number int

// Create is what urfave/cli makes a flag with.
func (number) Create(v int, to *int, _ urfave.NoConfig) urfave.Value {
	*to = v
	return (*number)(to)
}

// ToString is the default in the help.
func (number) ToString(v int) string { return strconv.Itoa(v) }

// Set reads a number with any of Go's prefixes, as runc does.
func (n *number) Set(s string) error {
	v, err := strconv.ParseInt(s, 0, strconv.IntSize)
	if err == nil {
		*n = number(v)
	}
	return plainly(err)
}

// Get returns the number.
func (n *number) Get() any { return int(*n) }

// String is the number as a text.
func (n *number) String() string { return strconv.Itoa(int(*n)) }

type duration time.Duration

// Create is what urfave/cli makes a flag with.
func (duration) Create(v time.Duration, to *time.Duration, _ urfave.NoConfig) urfave.Value {
	*to = v
	return (*duration)(to)
}

// ToString is the default in the help.
func (duration) ToString(v time.Duration) string { return v.String() }

// Set reads a number with a unit, such as 5s.
func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		return errParse
	}
	*d = duration(v)
	return nil
}

// Get returns the duration.
func (d *duration) Get() any { return time.Duration(*d) }

// String is the duration as a text.
func (d *duration) String() string { return time.Duration(*d).String() }
