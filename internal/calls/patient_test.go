package calls

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

// A call that is made again may come to what another one says at once, and then the calls behind it
// are passed over, or made, as ever.
func TestPatiently(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rig) {
		same := testbed.Same(t, r.pid)
		r.mkdir("there")
		says(t, "Flush", r.Flush(), "")
		open := func() *Call {
			how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH}
			return r.Openat2("open", r.top, "link", how).Patiently()
		}
		// later makes link one that leads out, EXDEV, until something is done.
		later := func(f func() error) (done chan error) {
			if err := os.Symlink("/", r.dir+"/link"); err != nil {
				t.Fatal(err)
			}
			done = make(chan error, 1)
			go func() {
				time.Sleep(5 * time.Millisecond) // in which the call is made again and again, and nothing tells of it
				done <- f()
			}()
			return done
		}
		gone := func() error { return os.Remove(r.dir + "/link") }
		good := func() error {
			if err := os.Symlink("there", r.dir+"/new"); err != nil {
				return err
			}
			return os.Rename(r.dir+"/new", r.dir+"/link")
		}
		skipping := func(c *Call, name string) {
			c.Skipping(unix.ENOENT, func() {
				r.Mkdirat("make in", c.FD(), name, 0o755)
				r.Close(c.FD())
			})
			r.mkdir("after " + name)
		}
		for _, tt := range []struct {
			what string
			f    func() error
			do   func()
			want []string
		}{
			{"found in the end", good, func() { skipping(open(), "in") }, []string{"there/in", "after in"}},
			{"not there", gone, func() { skipping(open(), "nothing") }, []string{"-there/nothing", "after nothing"}},
			{"not there, by a handler", gone, func() { skipping(open().Else(func(e unix.Errno) error { return e }), "none") }, []string{"-there/none", "after none"}},
		} {
			done := later(tt.f)
			says(t, tt.what, r.Try(tt.do), "")
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			r.there(t, tt.want...)
			_ = os.Remove(r.dir + "/link")
		}
		same()
	})
}
