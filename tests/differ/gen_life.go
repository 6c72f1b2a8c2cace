package differ

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func modeOf(n uint32) fs.FileMode { return fs.FileMode(n) }

// life decides how the container is called into being, and out of it.
func (d *dice) life() {
	l := &d.c.Life
	l.Verb = pick(d, "run", "run", "run", "create", "create", "detached")
	if d.p(30) {
		l.Global = append(l.Global, "--log", atBundle+"/../log")
		if d.p(50) {
			l.Global = append(l.Global, "--log-format", pick(d, "json", "text"))
		}
	}
	if d.p(10) {
		l.Global = append(l.Global, "--debug")
	}
	if d.p(10) {
		l.Flags = append(l.Flags, "--no-new-keyring")
	}
	if d.p(4) {
		l.Flags = append(l.Flags, "--no-pivot")
	}
	if d.p(10) {
		l.Files = 1 + d.IntN(3)
		if d.p(80) {
			l.Flags = append(l.Flags, "--preserve-fds", pick(d, "1", "2"))
			if l.Files == 1 {
				l.Flags[len(l.Flags)-1] = "1"
			}
		}
	}
	if d.p(10) {
		l.Cwd = atBundle
	}
	if d.p(20) {
		l.Umask = pick(d, 0o077, 0o002, 0o027)
	}
	if d.p(15) {
		l.Environ = some(d, 50, "CALLER=1", "HOME=/caller", "LANG=C")
	}
	l.NoStdin = l.Verb != "create" && !d.c.terminal() && d.p(4)
	l.Pause = d.p(8)
	if l.Verb != "run" {
		l.Force = d.p(25)
		if d.p(30) {
			l.Kill = pick(d, "KILL", "TERM", "SIGUSR1", "9", "HUP", "INT")
		}
		if l.Verb == "create" && d.p(4) {
			l.KillNew = "KILL"
		}
	}
	for d.p(25) && len(l.Execs) < 3 && !l.NoStdin {
		l.Execs = append(l.Execs, d.exec())
	}
}

// exec makes one call of exec.
func (d *dice) exec() Exec {
	e := Exec{Args: []string{"/bin/inside"}}
	if d.p(25) {
		e.Process = d.execProcess()
	} else {
		e.Flags = d.execFlags()
		e.TTY = d.p(15)
	}
	if d.p(8) {
		e.Args = []string{pick(d, "/nonesuch", "nonesuch", "/plain", "/srv")}
	}
	if d.p(10) {
		e.Args[0] = "inside"
	}
	e.Args = append(e.Args, some(d, 20, "c:/tmp/by-exec", "r:/proc/1/cmdline", "w:/dev/null", "c:/x")...)
	e.Detach = d.p(20)
	if d.p(8) {
		e.Files = 2
		e.Flags = append(e.Flags, "--preserve-fds", "2")
	}
	return e
}

func (d *dice) execFlags() (flags []string) {
	if d.p(35) {
		flags = append(flags, "--user", pick(d, "0", "1000", "1000:5", "77:78", "0:0", "12345"))
	}
	if d.p(30) {
		flags = append(flags, "--env", pick(d, "E=1", "PATH=/bin", "HOME=/h", "A=exec"))
	}
	if d.p(20) {
		flags = append(flags, "--cwd", pick(d, "/tmp", "/", "/srv/dir", "/nonesuch"))
	}
	if d.p(20) {
		flags = append(flags, "--cap", pick(d, "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_CHOWN"))
	}
	if d.p(15) {
		flags = append(flags, "--additional-gids", pick(d, "5", "5001", "10"))
	}
	if d.p(10) {
		flags = append(flags, "--no-new-privs")
	}
	return flags
}

func (d *dice) execProcess() *specs.Process {
	p := &specs.Process{Args: []string{"/bin/inside"}, Cwd: pick(d, "/", "/tmp"), Env: pick(d, []string{"PATH=/bin"}, []string{"PATH=/bin", "B=2"})}
	d.user(&p.User)
	p.Capabilities = d.capabilities()
	p.NoNewPrivileges = d.p(20)
	p.Terminal = d.p(15)
	if d.p(30) {
		p.Rlimits = d.rlimits()
	}
	if d.p(15) {
		p.OOMScoreAdj = new(700)
	}
	return p
}

// questions are what the program inside is to try, by what was configured.
func (d *dice) questions() {
	p := d.c.Spec.Process
	if !strings.Contains(strings.Join(p.Args, " "), "inside") {
		return
	}
	l := d.c.Spec.Linux
	for _, path := range l.MaskedPaths {
		d.ask("r:" + path)
	}
	for _, path := range l.ReadonlyPaths {
		d.ask("r:"+path, "c:"+path+"/new")
	}
	for _, name := range sortedKeys(l.Sysctl) {
		d.ask("s:/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	}
	for _, dev := range l.Devices {
		if dev.Type != "p" && dev.Type != "b" {
			d.ask("w:" + dev.Path)
		}
	}
	for _, m := range d.c.Spec.Mounts {
		if !slices.Contains([]string{"proc", "sysfs", "devpts", "cgroup", "mqueue"}, m.Type) && m.Source != "/proc" {
			d.ask("c:" + m.Destination + "/new")
		}
	}
	d.ask(some(d, 30, "c:/x", "c:/tmp/x", "w:/etc/passwd", "r:/dev/null", "w:/dev/full", "r:/dev/urandom", "r:/dev/ptmx", "m:/mnt", "l:/dev/fd", "l:/dev/ptmx")...)
	if d.p(20) {
		d.ask(pick(d, "e:1", "e:7", "e:126", "e:255"))
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
