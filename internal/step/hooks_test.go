package step

import (
	"errors"
	"testing"
)

func TestHostHooks(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, nil)
		b.must(&HostHooks{})
		asked(b, errors.New("hook said no"))
		b.fails(&HostHooks{}, "hook said no")
	})
}

func TestNetDevices(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, nil)
		b.must(&NetDevices{})
		asked(b, errors.New("no such device"))
		b.fails(&NetDevices{}, "no such device")
	})
}

func TestContainerHooks(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, nil)
		b.must(&ContainerHooks{})
		asked(b, errors.New("hook said no"))
		b.fails(&ContainerHooks{}, "hook said no")
	})
}
