package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/launch"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/state"
)

// The errors that callers tell apart by errors.Is. Engines match on their texts.
var (
	ErrExist         = state.ErrExist     // of Create and Run: the id is taken
	ErrNotExist      = state.ErrNotExist  // there is no such container, or it is another one by now
	ErrInvalidID     = state.ErrInvalidID // ids have letters, digits, and _ + - .
	ErrBusy          = state.ErrBusy      // another call changes the container, and has for long
	ErrNotRunning    = errors.New("container not running")
	ErrNotPaused     = errors.New("container not paused")
	ErrRunning       = errors.New("cannot start an already running container")    // of Start, and of Delete
	ErrStopped       = errors.New("cannot start a container that has stopped")    // of Start; of Exec and RunIn in other words
	ErrPaused        = errors.New("cannot start a container in the paused state") // likewise
	ErrOutOfSight    = errors.New("it was created in another pid namespace: from here nothing says whether it lives")
	ErrStatusUnknown = proc.ErrStatusUnknown // of Wait: it had ended before, or only its parent was told how
)

// Why a container takes no program, or nothing can be run in one, or beside one.
var (
	errExecStopped error = &stateError{"cannot exec in a stopped container", ErrStopped}
	errExecPaused  error = &stateError{"cannot exec in a paused container (use --ignore-paused to override)", ErrPaused}
	errStartDied   error = &stateError{"container init died before it ran the container's program", ErrStopped}
	errInStopped   error = &stateError{"cannot run in the namespaces of a stopped container", ErrStopped}
	errInPaused    error = &stateError{"cannot run in the namespaces of a paused container: it would be frozen like that", ErrPaused}
)

// A ConfigError is all that is wrong with a configuration, a process or resources.
type ConfigError struct {
	Findings []Finding
	err      error
}

// A Finding is what is wrong with a field.
type Finding struct {
	Field   string // as one would name it in code: "mounts[3].options"; "": the whole
	Problem string
}

// A stateError is one of the errors above in words that say what the container does, and that engines match on.
type stateError struct {
	text string
	is   error
}

// Error is the words.
func (e *stateError) Error() string { return e.text }

// Unwrap is the error that it is.
func (e *stateError) Unwrap() error { return e.is }

// wrong is the error of a field of something small, in words of its own.
func wrong(field, problem string) error {
	return &ConfigError{Findings: []Finding{{field, problem}}, err: errors.New(problem)}
}

// Error has the first 20 findings on one line.
func (e *ConfigError) Error() string { return e.err.Error() }

// Unwrap is what has found them.
func (e *ConfigError) Unwrap() error { return e.err }

// A StepError is something that had to be done, and that the kernel has refused.
type StepError struct {
	Step  string        // in words: "mount proc at /proc"
	Errno syscall.Errno // 0: it has killed who was to do it, or somebody else has
	err   error
}

// Error is the step, the cause, and what that was part of.
func (e *StepError) Error() string { return e.err.Error() }

// Unwrap is the error of the step, and below it the error number.
func (e *StepError) Unwrap() error { return e.err }

// An ExecError says that execve(2) has failed, and nothing before it.
type ExecError struct {
	Text  string
	Errno syscall.Errno
}

// Error names the program and the cause.
func (e *ExecError) Error() string { return e.Text }

// Unwrap is the error number.
func (e *ExecError) Unwrap() error { return e.Errno }

// typed gives an error the type that callers ask for, if there is one. Its text stays.
func typed(err error) error {
	if list, ok := errors.AsType[spec.Errors](err); ok {
		e := &ConfigError{err: err}
		for _, f := range list {
			e.Findings = append(e.Findings, Finding{f.Path, f.Msg})
		}
		return e
	}
	if _, ok := errors.AsType[*ExecError](err); ok {
		return err
	}
	if d, ok := errors.AsType[*launch.Death](err); ok {
		return &StepError{Step: d.Step, err: err}
	}
	errno, is := errors.AsType[syscall.Errno](err)
	if !is {
		return err
	}
	if t, ok := errors.AsType[*launch.TapeError](err); ok {
		return &StepError{cmp.Or(t.Label, untilNumber(err, errno)), errno, err}
	}
	if c, ok := errors.AsType[*calls.Error](err); ok {
		return &StepError{cmp.Or(stepOf(c), untilNumber(err, errno)), errno, err}
	}
	return err
}

// untilNumber is what an error says before its number, for where a step has no words of its own.
func untilNumber(err error, errno syscall.Errno) string {
	text, _, _ := strings.Cut(err.Error(), ": "+errno.Error())
	return strings.TrimPrefix(text, "unable to start container process: ")
}

// stepOf is a step in words.
func stepOf(c *calls.Error) string {
	switch {
	case c.Step == nil:
		return c.Label
	case c.Label == "":
		return c.Step.String()
	}
	return c.Step.String() + ": " + c.Label
}

// A remainder is the error of a call that couldn't take back all that it had begun.
type remainder struct{ err, removal error }

// Error is both, in the order in which they came.
func (e *remainder) Error() string { return e.err.Error() + "; delete container: " + e.removal.Error() }

// Unwrap is both.
func (e *remainder) Unwrap() []error { return []error{e.err, e.removal} }

// leaves is the error of a call that has failed, or hasn't, and has then removed what it had begun, or hasn't been able to.
func leaves(err, removal error) error {
	switch {
	case removal == nil:
		return err
	case err == nil:
		return removal
	}
	return &remainder{typed(err), removal}
}

// givenUp is the error of a call whose context was done: left says what has become of what it had begun. Others
// are typed.
func givenUp(err, stopped error, left string) error {
	if _, ok := errors.AsType[*remainder](err); ok {
		return err
	}
	if err != nil && stopped != nil && errors.Is(err, stopped) {
		return fmt.Errorf("%w: %s", err, left)
	}
	return typed(err)
}
