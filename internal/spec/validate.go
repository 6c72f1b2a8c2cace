package spec

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/suggest"
)

// Validate checks all values of a configuration that can be checked without asking the kernel or
// reading files. Its error is of type [Errors] and has every problem, those of [Unsupported]
// included. A configuration without a process is valid: only `start` needs one.
//
// Paths are checked as texts. What an image makes of them is checked where they are used.
func Validate(s *specs.Spec) error { return validate(s).orNil() }

func validate(s *specs.Spec) Errors {
	c := checker{s: s, ns: namespacesOf(s)}
	c.version()
	c.root()
	c.names()
	if s.Process != nil {
		c.process(s.Process)
	}
	c.mounts()
	c.hooks()
	c.annotations()
	if s.Linux != nil {
		c.linux(s.Linux)
	}
	return c.errs
}

// ValidateProcess checks the process that exec is to run in the container of s. Paths in its
// errors begin with "process".
func ValidateProcess(p *specs.Process, s *specs.Spec) error {
	c := checker{s: s, ns: namespacesOf(s)}
	c.process(p)
	if len(c.errs) == 0 {
		return nil
	}
	return documentErrors{c.errs}
}

// checker collects the errors of one configuration.
type checker struct {
	s    *specs.Spec
	ns   namespaces
	errs Errors
}

// bad notes a problem, see [Errors.add].
func (c *checker) bad(msg string, path ...any) { c.errs.add(msg, path...) }

const (
	msgRequired = "required"
	msgNUL      = "must not contain a NUL byte"
	msgAbsolute = "must be an absolute path"
	msgID       = "must be at most 4294967294" // the id 2^32-1 means "no change" to the kernel
)

// msgNeeds says that a field would change the host without the namespace.
func msgNeeds(t specs.LinuxNamespaceType) string {
	return "needs linux.namespaces to list " + strconv.Quote(string(t))
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

func isAbs(path string) bool { return path != "" && path[0] == '/' }

// path checks a path that must be absolute.
func (c *checker) path(p string, path ...any) {
	switch {
	case p == "":
		c.bad(msgRequired, path...)
	case !isAbs(p):
		c.bad(msgAbsolute, path...)
	case hasNUL(p):
		c.bad(msgNUL, path...)
	}
}

// version checks ociVersion: any version 1, whose rules are all understood (features.md). The
// last part may be missing.
func (c *checker) version() {
	v := c.s.Version
	if v == "" {
		c.bad(msgRequired, "ociVersion")
		return
	}
	if !isVersion(v) {
		c.bad(quote(v)+" is not a version", "ociVersion")
		return
	}
	if major, _, _ := strings.Cut(v, "."); major != "1" {
		c.bad("version "+v+" is not supported, only 1.x is", "ociVersion")
	}
}

// isVersion reports whether v is a semantic version. The patch may be missing.
func isVersion(v string) bool {
	v, build, hasBuild := strings.Cut(v, "+")
	v, pre, hasPre := strings.Cut(v, "-")
	if hasBuild && !isIdentifiers(build) || hasPre && !isIdentifiers(pre) {
		return false
	}
	parts := strings.Split(v, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return false
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return true
}

// isIdentifiers reports whether s is what may follow '-' or '+' in a semantic version.
func isIdentifiers(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			switch c := part[i]; {
			case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-':
			default:
				return false
			}
		}
	}
	return true
}

func (c *checker) root() {
	r := c.s.Root
	if r == nil {
		c.bad(msgRequired, "root")
		return
	}
	switch {
	case r.Path == "":
		c.bad(msgRequired, "root", "path")
	case hasNUL(r.Path):
		c.bad(msgNUL, "root", "path")
	}
	if r.Readonly {
		c.needsMounts("root", "readonly")
	}
}

// needsMounts refuses a field that takes mounts where the kernel lets nobody make any: a
// mount namespace that was there before the user namespace isn't that one's.
func (c *checker) needsMounts(path ...any) {
	if c.ns[specs.UserNamespace].isNew() && !c.ns[specs.MountNamespace].isNew() {
		c.bad("needs a new mount namespace, as there is a new user namespace", path...)
	}
}

// maxName is the longest host name, in bytes (uname(2): __NEW_UTS_LEN).
const maxName = 64

func (c *checker) names() {
	for _, f := range [...]struct{ field, value string }{
		{"hostname", c.s.Hostname}, {"domainname", c.s.Domainname},
	} {
		if f.value == "" {
			continue
		}
		if len(f.value) > maxName {
			c.bad("must be at most 64 bytes long", f.field)
		}
		if strings.ContainsAny(f.value, "\x00\n") {
			c.bad("must not contain a NUL byte or a newline", f.field)
		}
		if !c.ns[specs.UTSNamespace].set {
			c.bad(msgNeeds(specs.UTSNamespace), f.field)
		}
	}
}

func (c *checker) hooks() {
	h := c.s.Hooks
	if h == nil {
		return
	}
	for _, list := range [...]struct {
		name  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart},
		{"createRuntime", h.CreateRuntime},
		{"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer},
		{"poststart", h.Poststart},
		{"poststop", h.Poststop},
	} {
		for i := range list.hooks {
			hook := &list.hooks[i]
			c.path(hook.Path, "hooks", list.name, i, "path")
			for k, arg := range hook.Args {
				if hasNUL(arg) {
					c.bad(msgNUL, "hooks", list.name, i, "args", k)
				}
			}
			c.env(hook.Env, "hooks", list.name, i, "env")
			if hook.Timeout != nil && *hook.Timeout <= 0 {
				c.bad("must be more than 0 seconds", "hooks", list.name, i, "timeout")
			}
		}
	}
}

// env checks the entries of an environment. The texts are runc's.
func (c *checker) env(env []string, path ...any) {
	for i, entry := range env {
		switch at := strings.IndexByte(entry, '='); {
		case at < 0:
			c.bad(quote(entry)+": invalid environment variable: missing '='", append(path, i)...)
		case at == 0:
			c.bad(quote(entry)+": invalid environment variable: name cannot be empty", append(path, i)...)
		case hasNUL(entry):
			c.bad(msgNUL, append(path, i)...)
		}
	}
}

func (c *checker) annotations() {
	if _, ok := c.s.Annotations[""]; ok {
		c.bad("must not be empty", "annotations", key(""))
	}
}

// unknown notes a word that isn't one of those known, and what may have been meant.
func unknown[T ~string](c *checker, what string, word T, known []T, path ...any) {
	if len(c.errs) >= maxKept {
		return
	}
	names := make([]string, len(known))
	for i, name := range known {
		names[i] = string(name)
	}
	c.bad("unknown "+what+" "+quote(string(word))+suggest.Meant(string(word), names, ""), path...)
}
