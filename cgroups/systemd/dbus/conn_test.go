package dbus

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A peer is the other side of a connection, as a test wants it to be.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// listen has one connection served, and returns the socket's path.
func listen(t *testing.T, serve func(p *peer)) string {
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
	return path
}

func (p *peer) say(text string) { _, _ = p.Write([]byte(text)) }

func (p *peer) hear() string {
	line, _ := p.r.ReadString('\n')
	return line
}

// welcome is the authentication. As systemd's server, it would not see a message
// that came together with the end of it.
func (p *peer) welcome() {
	for _, want := range []string{"\x00AUTH EXTERNAL\r\n", "DATA\r\n", "BEGIN\r\n"} {
		if got := p.hear(); got != want {
			p.t.Errorf("heard %q, want %q", got, want)
		}
	}
	time.Sleep(10 * time.Millisecond)
	if n := p.r.Buffered(); n != 0 {
		p.t.Errorf("%d bytes came with the authentication", n)
	}
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if b, err := p.r.Peek(1); err == nil {
		p.t.Errorf("%q came before the answer", b)
	}
	_ = p.SetReadDeadline(time.Time{})
	p.say("DATA\r\nOK 0123\r\n")
}

// call reads a call and returns its serial number and the member's name.
func (p *peer) call() (serial uint32, member string) {
	var b []byte
	for {
		c, err := p.r.ReadByte()
		if err != nil {
			return 0, ""
		}
		b = append(b, c)
		if m, _, err := decode(b); err != nil {
			p.t.Error(err)
			return 0, ""
		} else if m != nil {
			r := Reader{b: b, off: 8, order: m.body.order}
			return r.Uint32(), m.member
		}
	}
}

// message makes a message of one kind with these fields and arguments.
func message(kind byte, fields []Value, args ...Value) string {
	var body []byte
	for _, v := range args {
		body = v.encode(body)
	}
	b := append32([]byte{'l', kind, 0, 1}, uint32(len(body)))
	b = append32(b, 1)
	return string(append(pad(Array{Elem: "(yv)", Items: fields}.encode(b), 8), body...))
}

func field(key byte, v Value) Value { return Tuple{Byte(key), Variant{v}} }

func answer(serial uint32, args ...Value) string {
	return message(methodReturn, []Value{field(fieldReply, Uint32(serial))}, args...)
}

func dial(t *testing.T, path string, timeout time.Duration) *Conn {
	t.Helper()
	c, err := Dial(path, time.Now().Add(timeout))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCall(t *testing.T) {
	path := listen(t, func(p *peer) {
		p.welcome()
		serial, member := p.call()
		noise := message(signal, []Value{field(fieldMember, String("JobNew"))}) + answer(serial+7, String("another's"))
		// Signals come before the answer that they are of, and in pieces.
		kept := message(signal, []Value{field(fieldMember, String("JobRemoved"))}, Uint32(3))
		text := noise + kept + answer(serial, String(member)) + kept
		for i := range text {
			p.say(text[i : i+1])
		}
		serial, _ = p.call()
		p.say(message(errorReply, []Value{field(fieldReply, Uint32(serial)), field(fieldError, String("a.b.C"))}, String("for a reason")))
	})
	c := dial(t, path, 10*time.Second)
	if err := c.Want("JobRemoved", false); err != nil {
		t.Fatal(err)
	}
	call := &Call{Destination: "a.b", Path: "/c", Interface: "d.e", Member: "F", Args: []Value{Uint32(5)}}
	m, err := c.Call(call)
	if err != nil || m.Body().String() != "F" {
		t.Fatalf("Call() = %v, %v", m, err)
	}
	for range 2 {
		if m, err := c.Signal(); err != nil || m.Body().Uint32() != 3 {
			t.Errorf("Signal() = %v, %v", m, err)
		}
	}
	var e *Error
	if _, err := c.Call(call); !errors.As(err, &e) || e.Name != "a.b.C" || e.Error() != "for a reason" {
		t.Errorf("Call() = %v", err)
	}
	if _, err := c.Signal(); err == nil {
		t.Error("Signal() of a peer that is gone succeeded")
	}
}

// A peer that is slow, silent, gone, or no peer at all is an error in time.
func TestPeers(t *testing.T) {
	const timeout = 300 * time.Millisecond
	call := &Call{Destination: "a.b", Path: "/c", Interface: "d.e", Member: "F"}
	for name, c := range map[string]struct {
		serve func(p *peer)
		want  string
	}{
		"silent":       {func(p *peer) { time.Sleep(2 * timeout) }, "timed out"},
		"silent later": {func(p *peer) { p.welcome(); time.Sleep(2 * timeout) }, "timed out"},
		"gone":         {func(p *peer) {}, ""},
		"gone later":   {func(p *peer) { p.welcome(); p.call() }, "unexpected EOF"},
		"refuses":      {func(p *peer) { p.say("REJECTED EXTERNAL\r\n"); p.hear() }, "authentication refused"},
		"not D-Bus":    {func(p *peer) { p.hear(); p.say(strings.Repeat("x", 10000)); p.hear() }, "malformed"},
		"garbage":      {func(p *peer) { p.welcome(); p.call(); p.say("HTTP/1.1 400 Bad Request"); p.hear() }, "malformed"},
		"enormous": {func(p *peer) {
			p.welcome()
			p.call()
			p.say("l\x02\x00\x01\xff\xff\xff\xff" + "12345678")
			p.hear()
		}, "malformed"},
		"drips": {func(p *peer) { p.welcome(); drip(p, 3*timeout) }, "timed out"},
		"never to the point": {func(p *peer) {
			p.welcome()
			for p.call(); ; time.Sleep(time.Millisecond) {
				if _, err := p.Write([]byte(message(signal, []Value{field(fieldMember, String("Noise"))}))); err != nil {
					return
				}
			}
		}, "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			conn, err := Dial(listen(t, c.serve), start.Add(timeout))
			if err == nil {
				defer conn.Close()
				_, err = conn.Call(call)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %q", err, c.want)
			}
			if (c.want == "timed out") != errors.Is(err, unix.ETIMEDOUT) {
				t.Errorf("error = %v, which isn't ETIMEDOUT or should not be", err)
			}
			if d := time.Since(start); d > timeout+2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	if _, err := Dial(t.TempDir()+"/none", time.Now().Add(timeout)); !errors.Is(err, unix.ENOENT) {
		t.Errorf("no socket: %v", err)
	}
}

// drip sends a message a byte at a time, more slowly than anyone waits.
func drip(p *peer, d time.Duration) {
	serial, _ := p.call()
	text := answer(serial)
	for i := range text {
		p.say(text[i : i+1])
		time.Sleep(d / time.Duration(len(text)))
	}
}

// Whoever isn't heard must not be kept in memory for ever.
func TestFlood(t *testing.T) {
	one := message(signal, []Value{field(fieldMember, String("JobRemoved"))})
	path := listen(t, func(p *peer) {
		p.welcome()
		serial, _ := p.call()
		p.say(strings.Repeat(one, maxKept+10) + answer(serial))
		p.hear()
	})
	c := dial(t, path, 10*time.Second)
	if err := c.Want("JobRemoved", false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(&Call{Destination: "a.b", Path: "/c", Interface: "d.e", Member: "F"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Signal(); !errors.Is(err, errFlood) {
		t.Errorf("Signal() = %v", err)
	}
}
