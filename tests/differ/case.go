package differ

import (
	"encoding/json"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Words in the strings of a case that become paths when it is run.
const (
	atBundle = "@BUNDLE@" // the bundle's directory
	atHolder = "@HOLDER@" // /proc/PID of the holder of namespaces
	atInside = "@INSIDE@" // the program inside, on the host
	atID     = "@ID@"     // the container's id
)

// A Case is a configuration and what is done with it. It is JSON all the way
// down, so that the shrinker can take away any part of it.
type Case struct {
	Spec   *specs.Spec `json:"spec"`
	Life   Life        `json:"life"`
	Holder *Holder     `json:"holder,omitempty"`
	// Owner is the host's id that owns the directories of the image.
	Owner int `json:"owner,omitempty"`
	// Keys are what is written otherwise in config.json than the specification has it, see keys.
	Keys []string `json:"keys,omitempty"`
}

// A Life is the calls of the runtime that a container goes through.
type Life struct {
	Verb     string   `json:"verb"`               // run, detached (run -d) or create
	Global   []string `json:"global,omitempty"`   // global options
	Flags    []string `json:"flags,omitempty"`    // of run or create
	Files    int      `json:"files,omitempty"`    // descriptors from 3 up that the runtime is given
	Pause    bool     `json:"pause,omitempty"`    // pause and resume it
	Kill     string   `json:"kill,omitempty"`     // a signal that ends it, if it does
	KillNew  string   `json:"kill_new,omitempty"` // a signal for a created container, which isn't started
	Force    bool     `json:"force,omitempty"`    // delete --force
	Cwd      string   `json:"cwd,omitempty"`      // where the runtime is called, without --bundle
	Execs    []Exec   `json:"execs,omitempty"`
	Umask    int      `json:"umask,omitempty"` // of the caller
	Environ  []string `json:"environ,omitempty"`
	NoStdin  bool     `json:"no_stdin,omitempty"`  // /dev/null in place of a pipe
	Forward  string   `json:"forward,omitempty"`   // a signal for a foreground run
	List     bool     `json:"list,omitempty"`      // list before there is a root, and when it is there
	PS       bool     `json:"ps,omitempty"`        // of the created container
	FileSize int      `json:"file_size,omitempty"` // the caller's RLIMIT_FSIZE in bytes
	Sessions bool     `json:"sessions,omitempty"`  // call each runtime in a session of its own
}

// An Exec is a call of exec.
type Exec struct {
	Flags   []string       `json:"flags,omitempty"`
	Args    []string       `json:"args,omitempty"`
	Process *specs.Process `json:"process,omitempty"` // by --process, without Flags' words for it
	TTY     bool           `json:"tty,omitempty"`
	Detach  bool           `json:"detach,omitempty"`
	Files   int            `json:"files,omitempty"`
}

// A Holder is a process with new namespaces that containers join.
type Holder struct {
	Namespaces []string `json:"namespaces"`     // specs' names of them
	Root       int      `json:"root,omitempty"` // host's id of root in its user namespace, which has 65536 ids
}

// clone makes a deep copy.
func (c *Case) clone() *Case {
	n := new(Case)
	if err := json.Unmarshal([]byte(c.text()), n); err != nil {
		panic(err) // it was made by Marshal
	}
	return n
}

// text is the case as indented JSON.
func (c *Case) text() string {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // nothing in it can't be marshaled
	}
	return string(data)
}

// resolve replaces the words for paths in any JSON text.
func resolve(text string, words map[string]string) string {
	for word, path := range words {
		text = strings.ReplaceAll(text, word, path)
	}
	return text
}

// has reports whether the case makes a new namespace or joins one of a type.
func (c *Case) has(kind specs.LinuxNamespaceType) (made, joined bool) {
	if c.Spec.Linux == nil {
		return false, false
	}
	for _, ns := range c.Spec.Linux.Namespaces {
		if ns.Type == kind {
			return ns.Path == "", ns.Path != ""
		}
	}
	return false, false
}

// terminal reports whether the container's process has one.
func (c *Case) terminal() bool { return c.Spec.Process != nil && c.Spec.Process.Terminal }
