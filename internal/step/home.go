package step

import (
	"github.com/rung-oci/rung/internal/user"
	"github.com/rung-oci/rung/nsenter"
)

// Home finds the home directory of the container's user in the container's own
// /etc/passwd and completes the environment of the waiting first process.
type Home struct {
	UID     uint32
	Text    nsenter.Slot // room for HomeSize bytes
	Pointer nsenter.Slot // the word of the environment that will point there
}

// HomeSize is the room for HOME=… with its NUL.
const HomeSize = 4096

func (s *Home) String() string { return "find home directory" }

// Run never fails: an image without a usable file gives "/".
func (s *Home) Run(e *Env) {
	home := "/"
	if text, err := (user.In{Root: e.Root}).Passwd(); err == nil {
		home = user.Home(text, s.UID)
	}
	if len(home)+len("HOME=")+1 > HomeSize {
		home = "/"
	}
	e.Arena.SetString(s.Text, s.Pointer, "HOME="+home)
}
