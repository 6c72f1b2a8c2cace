package engines

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/moby/spdystream"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/rung-oci/rung/tests/harness"
)

// A stream is a connection of kubelet's to a process: SPDY/3.1, one stream for
// each of its own and one for errors.
type stream struct {
	conn                   *spdystream.Connection
	stdin, stdout, failure *spdystream.Stream
	resize                 *spdystream.Stream
}

// dial goes where an answer of Exec or Attach leads.
func dial(address string, terminal bool) (*stream, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(harness.Patience(30 * time.Second)))
	r, err := http.NewRequest(http.MethodPost, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "SPDY/3.1")
	r.Header.Set("X-Stream-Protocol-Version", "v4.channel.k8s.io")
	if err := r.Write(c); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("%s: %s", answer.Status, text)
	}
	s := new(stream)
	if s.conn, err = spdystream.NewConnection(c, false); err != nil {
		return nil, err
	}
	go s.conn.Serve(spdystream.NoOpStreamHandler)
	open := func(kind string) *spdystream.Stream {
		if err != nil {
			return nil
		}
		var st *spdystream.Stream
		st, err = s.conn.CreateStream(http.Header{"Streamtype": {kind}}, nil, false)
		return st
	}
	s.failure, s.stdin, s.stdout = open("error"), open("stdin"), open("stdout")
	if terminal {
		s.resize = open("resize")
	}
	return s, err
}

// talk writes to the process, reads until it ends and returns its output.
func (s *stream) talk(text string) (string, error) {
	defer s.conn.Close()
	if _, err := io.WriteString(s.stdin, text); err != nil {
		return "", err
	}
	if s.resize == nil { // a terminal that has no keyboard any more hangs up
		s.stdin.Close()
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, s.stdout); err != nil {
		return out.String(), err
	}
	failure, err := io.ReadAll(s.failure)
	if err == nil && bytes.Contains(failure, []byte(`"Failure"`)) {
		err = fmt.Errorf("%s", failure)
	}
	return out.String(), err
}

func streamExec(p *pod) error {
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	r, err := p.Exec(deadline(), &cri.ExecRequest{ContainerId: id, Cmd: []string{"cat"}, Stdin: true, Stdout: true})
	if err != nil {
		return err
	}
	s, err := dial(r.Url, false)
	if err != nil {
		return err
	}
	out, err := s.talk("there and back\n")
	if err == nil && out != "there and back\n" {
		return fmt.Errorf("got %q", out)
	}
	return err
}

func streamTerminal(p *pod) error {
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	r, err := p.Exec(deadline(), &cri.ExecRequest{ContainerId: id, Cmd: []string{"sh", "-c", "i=0; until test \"$(stty size)\" = '37 101' -o $i = 200; do i=$((i+1)); sleep 0.1; done; read -r x; stty size; test -t 0 && echo terminal"}, Stdin: true, Stdout: true, Tty: true})
	if err != nil {
		return err
	}
	s, err := dial(r.Url, true)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(s.resize, `{"Width":101,"Height":37}`); err != nil {
		return err
	}
	out, err := s.talk("go\n")
	if err != nil {
		return err
	}
	if err := has(out, "37 101"); err != nil {
		return err
	}
	return has(out, "terminal")
}

func attach(p *pod) error {
	id, err := p.start(func(c *cri.ContainerConfig) { c.Stdin, c.StdinOnce = true, true }, "cat")
	if err != nil {
		return err
	}
	r, err := p.Attach(deadline(), &cri.AttachRequest{ContainerId: id, Stdin: true, Stdout: true})
	if err != nil {
		return err
	}
	s, err := dial(r.Url, false)
	if err != nil {
		return err
	}
	out, err := s.talk("to the process\n")
	if err == nil && out != "to the process\n" {
		return fmt.Errorf("got %q", out)
	}
	if err != nil {
		return err
	}
	st, err := p.wait(id, cri.ContainerState_CONTAINER_EXITED)
	if err == nil && st.ExitCode != 0 {
		return fmt.Errorf("exit code %d", st.ExitCode)
	}
	return err
}
