package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/source"
)

// answer is an error of ours that has gone through a step.
type answer struct{ error }

// Unwrap is the error.
func (a *answer) Unwrap() error { return a.error }

func answered(err error) error {
	if err == nil {
		return nil
	}
	return &answer{err}
}

// HostHooks implements [step.Runtime].
func (b *builder) HostHooks() error { return answered(b.in.HostHooks(b.pid)) }

// NetDevices implements [step.Runtime].
func (b *builder) NetDevices() error { return answered(b.in.NetDevices(b.pid)) }

// Console implements [step.Runtime].
func (b *builder) Console(master int) error {
	if b.in.Console == nil {
		return answered(errors.New("console without a place for it"))
	}
	own, err := unix.FcntlInt(uintptr(master), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("copy descriptor: %w", err)
	}
	return answered(b.in.Console(own))
}

// MapIDs implements [step.Runtime]: it maps the ids of the builder's next mount that is to have others.
func (b *builder) MapIDs(tree int) error {
	if b.mapped >= len(b.plan.Mapped) {
		return answered(errors.New("ids to map without a mount"))
	}
	maker := source.Maker{Joined: b.in.Joined}
	defer maker.Close()
	b.mapped++
	return answered(maker.Map(tree, &b.plan.Mapped[b.mapped-1]))
}
