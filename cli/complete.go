package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/libcontainer"
)

// completeCommand is what the scripts of completionCommand ask: its arguments are the words after the program's name, up to the one that is
// being written, which may be empty. A shell that splits words at = (bash) says so by a word of its own for that. It answers with a line for each word that may stand there, and behind a tab what that is. Lines that begin
// with a colon ask for names of files or directories, behind the = if the word has one. It has no errors: who completes has asked nothing.
var completeCommand = command{
	name:    "__complete",
	usage:   "say what may stand in the place of the last argument",
	hidden:  true,
	raw:     true,
	maxArgs: 1 << 20,
	build: func(a *app, _ *urfave.Command) action {
		return func(args []string) error {
			c := completer{app: a}
			c.complete(args)
			slices.Sort(c.list)
			return a.print([]byte(strings.Join(slices.Compact(c.list), "")))
		}
	},
}

const (
	anyFile      = ":files"
	anyDirectory = ":dirs"
)

// completer collects what may stand in the place of a word.
type completer struct {
	*app
	word   string
	option string // what stands before the value that is completed, in the same word: --name=
	of     string // the command of which a subcommand is called; ""
	list   []string
}

// ofIDs says of which containers a command takes the ids; no states are all.
func ofIDs(command string) (states []specs.ContainerState, is bool) {
	switch command {
	case "start":
		return []specs.ContainerState{specs.StateCreated}, true
	case "resume":
		return []specs.ContainerState{statePaused}, true
	case "pause":
		return []specs.ContainerState{specs.StateCreated, specs.StateRunning}, true
	case "exec", "debug", "wait", "ps", "top", "events", "update", "inspect", "mounts", "devices":
		return []specs.ContainerState{specs.StateCreated, specs.StateRunning, statePaused}, true
	case "checkpoint":
		return []specs.ContainerState{specs.StateRunning, statePaused}, true
	case "state", "kill", "delete":
		return nil, true
	}
	return nil, false
}

const statePaused specs.ContainerState = "paused"

// takesFiles tells whether a command's arguments are bundles or files.
func takesFiles(command string) bool {
	switch command {
	case "validate", "plan", "doctor", "trace", "explain", "compile":
		return true
	}
	return false
}

func (c *completer) add(word, what string) {
	if strings.HasPrefix(word, c.word) {
		c.list = append(c.list, c.option+word+"\t"+what+"\n")
	}
}

func (c *completer) addAll(words []string, what string) {
	for _, w := range words {
		c.add(w, what)
	}
}

// complete looks at the words from the first on.
func (c *completer) complete(words []string) {
	words, split := joined(words)
	if len(words) == 0 {
		words = []string{""}
	}
	var before []string
	before, c.word = words[:len(words)-1], words[len(words)-1]
	at := &urfave.Command{Name: "rung", Flags: c.global.flags()}
	args := []string{}
	over := false // no flags any more
	for i := 0; i < len(before); i++ {
		w := before[i]
		name, value, has := strings.Cut(strings.TrimLeft(w, "-"), "=")
		switch flag := find(at.Flags, name); {
		case over || !strings.HasPrefix(w, "-") || w == "-":
			next := c.command(at, w, args)
			if next == nil {
				args = append(args, w)
				over = over || at.Name == "exec"
			} else {
				if at.Name != "rung" {
					c.of = at.Name
				}
				at = next
			}
		case w == "--":
			over = true
		case flag == nil || !takesValue(flag) || has:
			c.take(name, value)
		case i+1 == len(before):
			c.value(flag)
			return
		default:
			i++
			c.take(name, before[i])
		}
	}
	if name, value, has := strings.Cut(c.word, "="); has && !over && strings.HasPrefix(name, "--") {
		if f := find(at.Flags, name[2:]); f != nil && takesValue(f) {
			c.word = value
			if !split {
				c.option = name + "="
			}
			c.value(f)
		}
		return
	}
	c.next(at, args, over)
}

// joined undoes the splitting of words at = that bash does, and tells whether the last one was split.
func joined(words []string) (out []string, split bool) {
	for i := 0; i < len(words); i++ {
		split = false
		if words[i] == "=" && len(out) > 0 && strings.HasPrefix(out[len(out)-1], "--") {
			out[len(out)-1] += "="
			split = true
			if i+1 < len(words) {
				i++
				out[len(out)-1] += words[i]
			}
			continue
		}
		out = append(out, words[i])
	}
	return out, split
}

// command is the command that a word calls, if it is the first of the arguments of one that has commands.
func (c *completer) command(of *urfave.Command, word string, args []string) *urfave.Command {
	if len(args) > 0 {
		return nil
	}
	if of.Name == "rung" {
		for i := range c.all {
			if c.all[i].name == word {
				return c.all[i].make(c.app)
			}
		}
	}
	return of.Command(word)
}

// take has the global option take effect that says where containers are.
func (c *completer) take(name, value string) {
	if name == "root" {
		c.global.root = value
	}
}

func find(flags []urfave.Flag, name string) urfave.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f urfave.Flag) bool {
	d, ok := f.(urfave.DocGenerationFlag)
	return ok && d.TakesValue()
}

// value completes the value of an option, by what its usage says of it.
func (c *completer) value(f urfave.Flag) {
	usage := f.(urfave.DocGenerationFlag).GetUsage()
	_, rest, _ := strings.Cut(usage, "`")
	placeholder, rest, _ := strings.Cut(rest, "`")
	switch {
	case placeholder == "directory":
		c.list = append(c.list, anyDirectory+"\n")
	case placeholder == "file" || placeholder == "path" || placeholder == "socket":
		c.list = append(c.list, anyFile+"\n")
	case placeholder == "id":
		c.ids(nil)
	case strings.Contains(rest, "with commas"):
		c.another(choices(rest))
	default:
		c.addAll(choices(rest), "")
	}
}

// another completes the last word of a list with commas, by one that it doesn't have yet.
func (c *completer) another(choices []string) {
	at := strings.LastIndexByte(c.word, ',') + 1
	before := c.word[:at]
	for _, w := range choices {
		// What only stands alone isn't one of several.
		if at == 0 || !slices.Contains(strings.Split(before, ","), w) && w != "list" && w != "none" {
			c.add(before+w, "")
		}
	}
}

// choices are the words after a colon, if there are nothing but words in a list that ends with "or".
func choices(usage string) (words []string) {
	_, list, ok := strings.Cut(usage, ": ")
	if !ok {
		return nil
	}
	list, _, _ = strings.Cut(list, ";")
	for part := range strings.SplitSeq(strings.ReplaceAll(list, " or ", ", "), ", ") {
		if part = strings.TrimSuffix(part, "."); part == "" || strings.ContainsRune(part, ' ') {
			return nil
		}
		words = append(words, part)
	}
	if len(words) < 2 {
		return nil
	}
	return words
}

// next completes what comes after arguments: an option, a command, or another argument.
func (c *completer) next(at *urfave.Command, args []string, over bool) {
	if strings.HasPrefix(c.word, "-") && !over {
		c.options(at)
		return
	}
	name := at.Name
	if c.of != "" && !takesFiles(name) {
		name = c.of
	}
	states, isID := ofIDs(name)
	switch {
	case len(args) == 0 && (at.Name == "rung" || at.Name == "help"):
		for i := range c.all {
			if !c.all[i].hidden {
				c.add(c.all[i].name, c.all[i].usage)
			}
		}
	case len(args) == 0 && len(at.Commands) > 0:
		for _, s := range at.Commands {
			c.add(s.Name, s.Usage)
		}
	case at.Name == "kill" && len(args) == 1:
		c.signals()
	case isID && (len(args) == 0 || at.Name == "wait" || at.Name == "top"):
		c.ids(states)
	case at.Name == "remove" && len(args) == 1:
		c.added(args[0])
	case isID && (at.Name == "list" || at.Name == "remove"): // which take nothing more
	case at.Name == "completion" && len(args) == 0:
		c.addAll(shellNames(), "")
	case over || takesFiles(name) || c.of != "":
		c.list = append(c.list, anyFile+"\n")
	}
}

// signals completes names of signals, with SIG if that has been begun.
func (c *completer) signals() {
	const prefix = "SIG"
	for _, name := range signalNames() {
		c.add(name, "")
		if len(c.word) > 1 {
			c.add(prefix+name, "")
		}
	}
}

func (c *completer) options(at *urfave.Command) {
	c.add("--help", "show help")
	for _, f := range at.Flags {
		d, ok := f.(urfave.DocGenerationFlag)
		if v, is := f.(urfave.VisibleFlag); !ok || is && !v.IsVisible() {
			continue
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				c.add("--"+name, strings.ReplaceAll(d.GetUsage(), "`", ""))
			}
		}
	}
}

// added completes where something is that a container was given while it ran.
func (c *completer) added(id string) {
	root, err := c.global.directory()
	if err != nil {
		return
	}
	r := &libcontainer.Runtime{Root: root}
	switch c.of {
	case "mounts":
		list, _ := r.Container(id).Mounts()
		for _, m := range list {
			c.add(m.Destination, m.Source)
		}
	case "devices":
		list, _ := r.Container(id).Devices()
		for _, d := range list {
			c.add(d.Path, fmt.Sprintf("%s %d:%d", d.Type, d.Major, d.Minor))
		}
	}
}

// ids completes the ids of containers in some states, or of all.
func (c *completer) ids(states []specs.ContainerState) {
	root, err := c.global.directory()
	if err != nil {
		return
	}
	list, _, err := (&libcontainer.Runtime{Root: root}).List(context.Background())
	if err != nil {
		return
	}
	for _, s := range list {
		if len(states) == 0 || slices.Contains(states, s.Status) {
			c.add(s.ID, string(s.Status))
		}
	}
}
