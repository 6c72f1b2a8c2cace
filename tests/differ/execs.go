package differ

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// exec runs one exec of a case while the container's process waits.
func (l *living) exec(n int, e *Exec) {
	key := fmt.Sprintf("exec %d", n+1)
	pidFile := fmt.Sprintf("%s/exec%d.pid", l.dir, n)
	args := append([]string{"--pid-file", pidFile}, e.Flags...)
	if e.Process != nil {
		file := fmt.Sprintf("%s/process%d.json", l.dir, n)
		data, _ := json.Marshal(e.Process)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			l.s.Add(key, "%v", err)
			return
		}
		args = append(args, "--process", file)
	}
	tty := e.TTY || e.Process != nil && e.Process.Terminal
	var sock *receiver
	if e.Detach {
		args = append(args, "--detach")
	}
	if e.TTY {
		args = append(args, "--tty")
	}
	if tty && e.Detach {
		var err error
		if sock, err = listen(fmt.Sprintf("%s/s%d", l.dir, n)); err != nil {
			l.s.Add(key, "%v", err)
			return
		}
		defer unix.Close(sock.fd)
		args = append(args, "--console-socket", fmt.Sprintf("%s/s%d", l.dir, n))
	}
	args = append(args, containerID)
	if e.Process == nil {
		args = append(args, e.Args...)
	}
	o := l.start("exec", args...)
	o.stdin, o.files, o.tty = true, e.Files, tty && !e.Detach
	p, err := l.begin(o)
	if err != nil {
		l.s.Add("do "+key, "%v", err)
		return
	}
	if e.Detach {
		l.execDetached(key, p, sock, pidFile)
	} else {
		l.execForeground(key, p, pidFile)
	}
}

func (l *living) execForeground(key string, p *call, pidFile string) {
	if l.await(p, p.output, 0) {
		l.lookAtExec(key, pidIn(pidFile))
	}
	p.release()
	code := p.wait()
	if p.console != nil {
		p.console.close()
		l.s.Texts = append(l.s.Texts, key+" terminal: "+lastWords(p.output()))
	}
	l.outcome(key, p, code)
	l.report(key+" ", p.output())
}

func (l *living) execDetached(key string, p *call, sock *receiver, pidFile string) {
	code := p.wait()
	l.outcome(key, p, code)
	if code != 0 {
		p.release()
		return
	}
	if sock != nil {
		if f := sock.take(); f != nil {
			p.console = newConsole(f)
			defer p.console.close()
		}
		l.s.Add(key+" console", "%v", p.console != nil)
	}
	pid := pidIn(pidFile)
	if l.await(p, p.output, pid) {
		l.lookAtExec(key, pid)
	}
	p.release()
	l.report(key+" ", p.output())
	for end := time.Now().Add(endTimeout); pid > 0; time.Sleep(time.Millisecond) {
		var ws unix.WaitStatus
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		if got == pid {
			l.s.Add(key+" exit", "%d", ws.ExitStatus())
			return
		}
		if err != nil || time.Now().After(end) {
			l.s.Add(key+" exit", "%v", err)
			return
		}
	}
}

// lookAtExec sees an exec'd process; mounts only if they aren't the container's.
func (l *living) lookAtExec(key string, pid int) {
	if pid <= 0 {
		l.s.Add(key+" pid file", "none")
		return
	}
	(&looker{s: l.s, prefix: key + " ", pid: pid, naming: l.naming}).all(false)
	// The container's own mounts are compared already.
	l.s.Lines = slices.DeleteFunc(l.s.Lines, func(line Line) bool {
		return len(line.Key) > len(key)+7 && line.Key[:len(key)+7] == key+" mount "
	})
}
