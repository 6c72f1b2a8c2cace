package systemd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// A peer is the other side of a connection, as a test wants it to be.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// listen has one connection served, and returns the door to it.
func listen(t *testing.T, serve func(p *peer)) door {
	t.Helper()
	path := t.TempDir() + "/bus"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(&peer{t, c, bufio.NewReader(c)})
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return door{path: path}
}

func (p *peer) say(text string) { _, _ = p.Write([]byte(text)) }

// wait says nothing until the test is over.
func (p *peer) wait() { <-p.t.Context().Done() }

func (p *peer) hear() string {
	line, _ := p.r.ReadString('\n')
	return line
}

// welcome is the authentication. As systemd's server, it is slow to read the end
// of it, and would not see a message that it reads in one piece with that.
func (p *peer) welcome() {
	for _, turn := range [][2]string{{"\x00AUTH\r\n", "REJECTED EXTERNAL\r\n"}, {"AUTH EXTERNAL\r\n", "DATA\r\n"}, {"DATA\r\n", "OK 0123\r\n"}} {
		if got := p.hear(); got != turn[0] {
			p.t.Errorf("heard %q, want %q", got, turn[0])
		}
		p.say(turn[1])
	}
	time.Sleep(50 * time.Millisecond) // is the slowness
	if got := p.hear(); got != "BEGIN\r\n" {
		p.t.Errorf("heard %q, want BEGIN", got)
	}
	if n := p.r.Buffered(); n != 0 {
		p.t.Errorf("%d bytes came with the end of the authentication", n)
	}
}

// call reads a call and returns its serial number and the member's name.
func (p *peer) call() (serial uint32, member string) {
	m, err := dbus.DecodeMessage(p.r)
	if err != nil {
		return 0, ""
	}
	member, _ = m.Headers[dbus.FieldMember].Value().(string)
	return m.Serial(), member
}

// message makes one of the peer's.
func message(typ dbus.Type, fields map[dbus.HeaderField]any, body ...any) string {
	m := &dbus.Message{Type: typ, Headers: make(map[dbus.HeaderField]dbus.Variant), Body: body}
	for k, v := range fields {
		m.Headers[k] = dbus.MakeVariant(v)
	}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	var b strings.Builder
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		return err.Error()
	}
	text := []byte(b.String())
	text[8] = 1 // the serial number, which may not be 0
	return string(text)
}

func answer(serial uint32, body ...any) string {
	return message(dbus.TypeMethodReply, map[dbus.HeaderField]any{dbus.FieldReplySerial: serial}, body...)
}

func failure(serial uint32, name, text string) string {
	return message(dbus.TypeError, map[dbus.HeaderField]any{dbus.FieldReplySerial: serial, dbus.FieldErrorName: name}, text)
}

func removed(job dbus.ObjectPath, result string) string {
	return message(dbus.TypeSignal, map[dbus.HeaderField]any{
		dbus.FieldPath: dbus.ObjectPath(object), dbus.FieldInterface: manager, dbus.FieldMember: "JobRemoved",
	}, uint32(7), job, "a.scope", result)
}

// A job may end before its number is known, and others end as well.
func TestJob(t *testing.T) {
	for result, want := range map[string]string{"done": "", "failed": `systemd's job ended as "failed"`} {
		c, err := listen(t, func(p *peer) {
			p.welcome()
			serial, member := p.call()
			if member != "StartTransientUnit" {
				p.t.Errorf("called %s", member)
			}
			noise := message(dbus.TypeSignal, map[dbus.HeaderField]any{
				dbus.FieldPath: dbus.ObjectPath(object), dbus.FieldInterface: manager, dbus.FieldMember: "JobNew",
			}, uint32(1))
			for _, c := range noise + removed("/job/1", "canceled") + removed("/job/2", result) + answer(serial, dbus.ObjectPath("/job/2")) {
				p.say(string([]byte{byte(c)}))
			}
			p.hear()
		}).open(time.Now().Add(10 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		err = c.job("StartTransientUnit", "a.scope")
		if got := ""; err != nil {
			if got = err.Error(); got != want {
				t.Errorf("job() = %v, want %q", err, want)
			}
		} else if want != "" {
			t.Errorf("job() succeeded, want %q", want)
		}
		c.Close()
	}
}

func TestCall(t *testing.T) {
	c, err := listen(t, func(p *peer) {
		p.welcome()
		serial, _ := p.call()
		p.say(failure(serial, noUnit, "there is none"))
		serial, _ = p.call()
		p.say(answer(serial, dbus.MakeVariant("v257.13-1~deb13u1")))
		p.hear()
	}).open(time.Now().Add(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.call("StopUnit", "a", "b").Err; !is(err, noUnit) || is(err, unitHere) || err.Error() != "there is none" {
		t.Errorf("call() = %v", err)
	}
	if n, err := c.version(); n != 257 || err != nil {
		t.Errorf("version() = %d, %v", n, err)
	}
}

// A peer that is slow, silent, gone, or no peer at all is an error in time.
func TestPeers(t *testing.T) {
	const timeout = 300 * time.Millisecond
	var late, lost, other error = os.ErrDeadlineExceeded, io.EOF, nil
	for name, c := range map[string]struct {
		serve func(p *peer)
		want  error
	}{
		"silent":       {(*peer).wait, late},
		"silent later": {func(p *peer) { p.welcome(); p.wait() }, late},
		"never reads":  {func(p *peer) { p.say("REJECTED EXTERNAL\r\nDATA\r\nOK 1\r\n"); p.wait() }, late},
		"gone":         {func(*peer) {}, other},
		"gone later":   {func(p *peer) { p.welcome(); p.call() }, lost},
		"refuses":      {func(p *peer) { p.say("REJECTED OTHER\r\n"); p.hear() }, other},
		"not D-Bus":    {func(p *peer) { p.hear(); p.say("HTTP/1.1 400 Bad Request\r\n"); p.hear() }, other},
		"drips": {func(p *peer) {
			p.welcome()
			serial, _ := p.call()
			for _, c := range []byte(answer(serial)) {
				p.say(string([]byte{c}))
				time.Sleep(timeout / 10) // is the dripping
			}
		}, late},
		"never to the point": {func(p *peer) {
			p.welcome()
			serial, _ := p.call()
			p.say(answer(serial, dbus.ObjectPath("/job/1")))
			for err := error(nil); err == nil; time.Sleep(time.Millisecond) {
				_, err = p.Write([]byte(removed("/job/2", "done")))
			}
		}, late},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			conn, err := connect(false, []door{listen(t, c.serve)}, start.Add(timeout))
			if err == nil {
				defer conn.Close()
				err = conn.job("StartTransientUnit", "a.scope")
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v, want %v", err, c.want)
			}
			if d := time.Since(start); d > timeout+2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	if _, err := connect(false, []door{{path: t.TempDir() + "/none"}}, time.Now().Add(timeout)); !errors.Is(err, unix.ENOENT) {
		t.Errorf("no socket: %v", err)
	}
}

// systemd hears every one of many connections, at each of its doors.
func TestConnects(t *testing.T) {
	if err := Running(); err != nil {
		t.Skip("needs systemd (make test-vm PKG=cgroups/systemd): ", err)
	}
	for _, d := range doors(false) {
		var slowest time.Duration
		for i := range 200 {
			start := time.Now()
			c, err := d.open(start.Add(20 * time.Second))
			if err != nil {
				t.Fatalf("%s, connection %d: %v", d.path, i, err)
			}
			if _, err := c.version(); err != nil {
				t.Fatalf("%s, connection %d: %v", d.path, i, err)
			}
			c.Close()
			slowest = max(slowest, time.Since(start))
		}
		t.Logf("%s: the slowest took %v", d.path, slowest)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"['a', \"b\"]", "@t 5", "uint64 5", "[[1]]", "<5>", "b'abc'", "@ay b'x'", "@a{sv} {}", "'{\\''", "\u06f3", "int32 []", strings.Repeat("{1:", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parse(text)
		if err != nil {
			return
		}
		if v.Signature().String() == "" {
			t.Errorf("parse(%q) has no type", text)
		}
		_ = (&dbus.Message{Type: dbus.TypeMethodCall, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/a")), dbus.FieldMember: dbus.MakeVariant("B"),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(v)),
		}, Body: []any{v}}).EncodeTo(io.Discard, binary.LittleEndian)
		_, _ = microseconds(v)
	})
}
