package launch

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
)

// A lift makes copies of descriptors whose numbers the container's own are to have in the player. Those of ours that have the
// numbers meanwhile, whoever's they are, are left alone: only the player's table of descriptors is changed.
type lift struct {
	over  int         // the first number that nothing of the container's has; 0: nothing is in its way
	moved map[int]int // one that is needed in two places is one in both
}

// up puts a copy in the place of a descriptor that is in the way.
func (l *lift) up(fd *int) error {
	if *fd < 0 || *fd >= l.over {
		return nil
	}
	higher, ok := l.moved[*fd]
	if !ok {
		var err error
		if higher, err = unix.FcntlInt(uintptr(*fd), unix.F_DUPFD_CLOEXEC, l.over); err != nil {
			return fmt.Errorf("make room for descriptors up to %d: %w", l.over-1, err)
		}
		l.moved[*fd] = higher
	}
	*fd = higher
	return nil
}

// close closes the copies. The player has them.
func (l *lift) close() { fdio.CloseAll(slices.Collect(maps.Values(l.moved))) }

// lifted is the player with descriptors that leave room for the extra ones.
func (p *player) lifted(l *lift) (*player, error) {
	q := *p
	q.fds = slices.Clone(p.fds)
	l.over, l.moved = 3+len(p.extra), map[int]int{}
	own := []*int{&q.arena, &q.progress, &q.unified}
	for i := range q.fds {
		own = append(own, &q.fds[i].FD)
	}
	for _, fd := range own {
		if err := l.up(fd); err != nil {
			return nil, err
		}
	}
	return &q, nil
}
