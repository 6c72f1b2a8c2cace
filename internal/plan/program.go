package plan

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// chdir enters the working directory as root. On a file system that doesn't
// know root (NFS), or in a directory of mode 0700, only the user can: then it is
// tried again. The slot says that it worked.
func (p *planner) chdir() (moved nsenter.Slot) {
	moved = p.t.Slot()
	p.t.Call(p.cwdLabel(), unix.SYS_CHDIR, p.t.Str(p.spec.Process.Cwd)).SkipOn(1, unix.EACCES)
	p.t.Set("", moved, nsenter.Int(1), 0)
	return moved
}

func (p *planner) cwdLabel() string {
	return fmt.Sprintf("chdir to cwd (%q) set in config.json failed", p.spec.Process.Cwd)
}

// chdirAgain enters the working directory as the user, if need be, and makes
// sure that it lies inside the root: the kernel calls one outside unreachable
// (CVE-2024-21626).
func (p *planner) chdirAgain(moved nsenter.Slot) {
	p.t.SkipIf(moved, 1)
	p.t.Call(p.cwdLabel(), unix.SYS_CHDIR, p.t.Str(p.spec.Process.Cwd))
	buf := p.t.Alloc(unix.PathMax)
	p.t.Call(p.cwdLabel(), unix.SYS_GETCWD, buf.Addr(), nsenter.Int(unix.PathMax))
	p.t.Expect(fmt.Sprintf("!current working directory %q is outside of container mount namespace root -- possible container breakout detected", p.spec.Process.Cwd),
		buf, '/', unix.ENOENT)
}

// findProgram looks args[0] up as the user's shell would, in the container and
// with the user's rights, so that `create` can say what is wrong.
func (p *planner) findProgram() {
	name := p.spec.Process.Args[0]
	p.program = p.t.Slot()
	if strings.Contains(name, "/") {
		p.checkProgram(name)
		return
	}
	missing := fmt.Sprintf("!exec: %q: executable file not found in $PATH", name)
	files := candidates(p.spec.Process, p.opt.Env)
	const each = 3 // entries for a candidate
	for i, f := range files {
		file := p.t.Str(f)
		p.t.Call("look for "+f, nsenter.SysFaccessat2, nsenter.Int(unix.AT_FDCWD), file, nsenter.Int(unix.X_OK), nsenter.Int(unix.AT_EACCESS)).
			SkipOn(each-1, unix.ENOENT, unix.EACCES, unix.ENOTDIR, unix.ELOOP, unix.ENAMETOOLONG, unix.EROFS)
		p.isDirectory(f, 1)
		p.t.Set("", p.program, file, each*(len(files)-1-i)+1)
	}
	p.t.Fail(missing, unix.ENOENT)
}

// candidates are the paths in which a program is looked for, env being added to the environment.
func candidates(process *specs.Process, env []string) (files []string) {
	name := process.Args[0]
	switch {
	case strings.HasPrefix(name, "/"):
		return []string{name}
	case strings.Contains(name, "/"):
		return []string{process.Cwd + "/" + name}
	}
	path, _ := lookup(Environment(process.Env, env), "PATH")
	for dir := range strings.SplitSeq(path, ":") {
		// A program in the working directory is never found by name alone.
		if strings.HasPrefix(dir, "/") {
			files = append(files, strings.TrimSuffix(dir, "/")+"/"+name)
		}
	}
	return files
}

// SearchPath is where an environment has programs looked for.
func SearchPath(env []string) string {
	path, _ := lookup(Environment(env, nil), "PATH")
	return path
}

// isDirectory passes over the next n entries if file is a directory, which
// faccessat2(2) would call executable: it has the entry ".". The descriptor
// goes with execve.
func (p *planner) isDirectory(file string, n int) {
	p.t.Call("look at "+file, unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), p.t.Str(file+"/."), nsenter.Int(unix.O_PATH|unix.O_CLOEXEC)).SkipOnSuccess(n)
}

// checkProgram checks a program that is given by path.
func (p *planner) checkProgram(name string) {
	file := p.t.Str(name)
	exec := fmt.Sprintf("exec: %q", name)
	p.t.Call(exec+": stat "+name, nsenter.SysFaccessat2, nsenter.Int(unix.AT_FDCWD), file, nsenter.Int(unix.F_OK), nsenter.Int(unix.AT_EACCESS))
	p.isDirectory(name, 1)
	p.t.SkipIf(p.one(), 1)
	p.t.Fail(exec+": is a directory", unix.EACCES)
	p.t.Call(exec, nsenter.SysFaccessat2, nsenter.Int(unix.AT_FDCWD), file, nsenter.Int(unix.X_OK), nsenter.Int(unix.AT_EACCESS))
	p.t.Set("", p.program, file, 0)
}

// one is a slot that holds 1.
func (p *planner) one() nsenter.Slot {
	s := p.t.Slot()
	p.t.Put(s, 1)
	return s
}
