package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	urfave "github.com/urfave/cli/v3"
)

// call runs a command line with an empty directory as root.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return callIn(t, append([]string{"rung", "--root", t.TempDir()}, args...))
}

func callIn(t *testing.T, args []string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{built: func() (string, string) { return "1.2.3", "abc" }, stdout: &out, stderr: &errs}
	code = a.run(args)
	return code, out.String(), errs.String()
}

func TestErrors(t *testing.T) {
	const absent = `msg="container does not exist: `
	for _, c := range []struct {
		args string
		code int
		want string // in stderr
	}{
		{"start", 1, `rung: \"start\" requires exactly 1 argument(s)`},
		{"start a b", 1, `rung: \"start\" requires exactly 1 argument(s)`},
		{"kill", 1, `rung: \"kill\" requires a minimum of 1 argument(s)`},
		{"kill a b c", 1, `rung: \"kill\" requires a maximum of 2 argument(s)`},
		{"list a", 1, `rung: \"list\" requires exactly 0 argument(s)`},
		{"nosuch", 3, "No help topic for 'nosuch'"},
		{"nosuch --flag", 3, "No help topic for 'nosuch'"},
		{"help nosuch", 3, "No help topic for 'nosuch'"},
		{"start --nosuch a", 1, "flag provided but not defined: -nosuch"},
		{"--nosuch start a", 1, "flag provided but not defined: -nosuch"},
		{"--cgroup-manager=disabled start a", 1, absent},
		{"--cgroup-manager cgroupfs start a", 1, absent},
		{"--cgroup-manager podman start a", 1, "invalid cgroup-manager: podman"},
		{"--cgroup-manager= state a", 1, absent},
		{"checkpoint a", 1, absent},
		{"checkpoint --image-path x --leave-running --leave-running a", 1, absent},
		{"checkpoint --manage-cgroups-mode none a", 1, "invalid manage-cgroups-mode value"},
		{"checkpoint --empty-ns pid a", 1, `namespace \"pid\" is not supported`},
		{"checkpoint --page-server 127.0.0.1 a", 1, "use --page-server ADDRESS:PORT to specify page server"},
		{"checkpoint --page-server 127.0.0.1:x a", 1, "invalid page server port: x"},
		{"checkpoint --timeout -1 a", 1, "option --timeout: must not be negative"},
		{"restore --lsm-mount-context", 1, "flag needs an argument: --lsm-mount-context"}, // what podman looks for
		{"restore -no-subreaper", 1, "requires exactly 1 argument(s)"},                    // go-runc's dash
		{"state a --root /x", 1, "flag provided but not defined: -root"},
		{"create --bundle", 1, "flag needs an argument: --bundle"},
		{"create -b", 1, "flag needs an argument: -b"},
		{"--log", 1, "flag needs an argument: --log"},
		{"--root= state a", 1, "must not be empty"},
		{"--root / state a", 1, "option --root must not be /"},
		{"--log-format xml state a", 1, "invalid log-format: xml"},
		{"--log-level loud state a", 1, "invalid log-level: loud"},
		{"--rootless=maybe state a", 1, "invalid rootless: maybe"},
		{"--log /nosuch/log state a", 1, "open /nosuch/log: no such file or directory"},
		{"create --preserve-fds x a", 1, `invalid value \"x\" for flag -preserve-fds: parse error`},
		{"create --preserve-fds -1 a", 1, "option --preserve-fds must not be negative"},
		{"create --preserve-fds 1000 a", 1, "rung create failed: unable to stat preserved-fd"},
		{"--systemd-cgroup state a", 1, absent},
		{"--rootless=true --criu /usr/sbin/criu --debug state a", 1, absent},
		{"state a", 1, absent},
		{"state h", 1, absent}, // not help
		{"state help", 1, absent},
		{"start a", 1, absent},
		{"delete a", 1, absent},
		{"delete -f a --force", 0, ""},
		{"kill a", 1, absent},
		{"kill a KILL --all", 1, absent},
		{"kill -a a 9", 1, absent},
		{"kill a FOO", 1, `unknown signal \"FOO\"`},
		{"kill a -5", 1, `unknown signal \"-5\"`},
		{"kill a -- -KILL", 1, `unknown signal \"-KILL\"`},
		{"list -f xml", 1, "invalid format option"},
		{"plan --diff --bogus a b", 2, "flag provided but not defined: -bogus"},
		{"plan --diff A B C", 2, "requires a maximum of 2 argument(s)"},
		{"plan --against", 2, "flag needs an argument: --against"},
		{"plan none", 2, "none: no such file or directory"},
		{"plan --id a/b .", 2, "invalid container ID format"},
		{"plan --preserve-fds -1 .", 2, "option --preserve-fds must not be negative"},
		{"plan --preserve-fds 1000 .", 2, "unable to stat preserved-fd"},
		{"doctor --bogus", 2, "flag provided but not defined: -bogus"},
		{"doctor A B", 2, "requires a maximum of 1 argument(s)"},
		{"doctor --format sarif", 2, "unknown format"},
		{"init", 1, "init is called by rung itself"},
		{"init a b --c", 1, "flag provided but not defined"},
	} {
		code, stdout, stderr := call(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) || c.want == "" && stderr != "" {
			t.Errorf("rung %s: exit code %d, stderr %q, want %d, %q", c.args, code, stderr, c.code, c.want)
		}
		if stdout != "" {
			t.Errorf("rung %s: stdout %q, want nothing", c.args, stdout)
		}
	}
}

// A usage error goes to the log as well, and is its only entry.
func TestUsageErrorIsLogged(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log.json")
	code, _, stderr := call(t, "--log", log, "--log-format", "json", "start", "--nosuch", "a")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var entry struct{ Level, Msg, Time string }
	if err := json.Unmarshal(text, &entry); err != nil {
		t.Fatalf("log %q: %v", text, err)
	}
	const want = "flag provided but not defined: -nosuch"
	if code != 1 || entry.Level != "error" || entry.Msg != want || entry.Time == "" {
		t.Errorf("code %d, entry %+v, want error %q", code, entry, want)
	}
	if stderr != want+"\nSee 'rung start --help'.\n" {
		t.Errorf("stderr = %q, want %q and where to look", stderr, want)
	}
}

// flagsOf lists the spellings of a command's flags.
func flagsOf(c *urfave.Command) []string {
	var names []string
	for _, f := range c.Flags {
		names = append(names, f.Names()...)
	}
	slices.Sort(names)
	return names
}

// The flags are runc's, --trace, and those of spec that start from something else, but of commands that runc hasn't: an engine gives no others, and none may be missing.
func TestFlags(t *testing.T) {
	create := "b bundle console-socket no-new-keyring no-pivot no-subreaper pid-file pidfd-socket preserve-fds trace"
	images := "auto-dedup empty-ns ext-unix-sk file-locks image-path lazy-pages manage-cgroups-mode shell-job tcp-established timeout work-path"
	want := map[string]string{
		"create": create, "run": create + " d detach keep keep-status",
		"start": "trace", "state": "", "pause": "", "resume": "", "features": "", "help": "", "init": "", "ps": "f format",
		"kill": "a all", "delete": "f force trace", "trace": "f format", "list": "f format q quiet", "spec": "b bundle from preset rootless",
		"seccomp": "", "events": "interval stats", "validate": "f format strict", "doctor": "f format", "wait": "f format", "gc": "apply f format older stopped", "inspect": "f format",
		"plan": "against diff f format id no-new-keyring no-pivot preserve-fds", "completion": "", "__complete": "", "__keep": "",
		"top":    "a all-roots also f format i interval iterations n once r reverse s sort",
		"mounts": "", "devices": "", "debug": "c cap cwd e env memory n namespaces pids-limit read-only rootfs t tty u user",
		"update": "blkio-weight cpu-burst cpu-idle cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-share cpu-shares cpuset-cpus cpuset-mems " +
			"kernel-memory kernel-memory-tcp l3-cache-schema mem-bw-schema memory memory-reservation memory-swap pids-limit r resources",
		"checkpoint": images + " check format leave-running link-remap page-server parent-path pre-dump status-fd tcp-skip-in-flight",
		"restore":    images + " b bundle console-socket d detach lsm-mount-context lsm-profile no-pivot no-subreaper pid-file pidfd-socket preserve-fds tcp-close",
		"exec":       "additional-gids apparmor c cap cgroup console-socket cwd d detach e env g ignore-paused no-new-privs p pid-file pidfd-socket preserve-fds process process-label t trace tty u user",
	}
	for i := range commands {
		d := &commands[i]
		names := strings.Fields(want[d.name])
		slices.Sort(names)
		if got := flagsOf(d.make(new(app))); !slices.Equal(got, names) {
			t.Errorf("flags of %s: %q, want %q", d.name, got, names)
		}
		delete(want, d.name)
	}
	if len(want) > 0 {
		t.Errorf("no commands %v", want)
	}
	global := strings.Fields("cgroup-manager criu debug log log-format log-level root rootless systemd-cgroup")
	if got := flagsOf(new(app).root(nil)); !slices.Equal(got, global) {
		t.Errorf("global flags: %q, want %q", got, global)
	}
}

// Flags as engines write them: both forms, one dash, twice.
func TestFlagForms(t *testing.T) {
	for _, c := range []string{
		"create --bundle /b --pid-file /p --no-pivot --no-pivot --preserve-fds 2 --console-socket=/s x",
		"create -bundle=/b -pid-file /p -no-pivot=true --preserve-fds=2 --console-socket /s x -no-subreaper",
		"create -b /b x --pid-file=/p --no-pivot --preserve-fds 2 --console-socket /s",
	} {
		a := new(app)
		root := a.root(append([]string{"rung"}, strings.Fields(c)...))
		cmd := root.Command("create")
		called := false
		errStop := errors.New("stop")
		cmd.ArgValidator = func(_ context.Context, c *urfave.Command) error {
			called = true
			if c.String("bundle") != "/b" || c.String("pid-file") != "/p" || !c.Bool("no-pivot") ||
				c.Int("preserve-fds") != 2 || c.String("console-socket") != "/s" || c.Args().First() != "x" || c.Args().Len() != 1 {
				t.Errorf("%v was understood in another way", c.Args())
			}
			return errStop
		}
		if err := root.Run(t.Context(), append([]string{"rung"}, strings.Fields(c)...)); !errors.Is(err, errStop) || !called {
			t.Errorf("rung %s: %v", c, err)
		}
	}
}

func TestHelp(t *testing.T) {
	for i := range commands {
		d := &commands[i]
		if d.raw { // those that don't exist yet
			continue
		}
		for _, args := range [][]string{{d.name, "--help"}, {d.name, "-h"}, {"help", d.name}, {"--help", d.name}} {
			code, stdout, stderr := call(t, args...)
			if code != 0 || stderr != "" || !strings.Contains(stdout, "rung "+d.name) || !strings.Contains(stdout, d.usage) {
				t.Errorf("rung %v: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
			}
			if !d.hidden && d.name != "help" && !strings.Contains(stdout, "EXAMPLE:") {
				t.Errorf("rung %v has no example", args)
			}
		}
		for _, f := range d.make(new(app)).Flags {
			if f.(urfave.VisibleFlag).IsVisible() && f.(urfave.DocGenerationFlag).GetUsage() == "" {
				t.Errorf("%s: flag %v is not explained", d.name, f.Names())
			}
		}
	}
}

// Whenever the help is the program's, it names all commands.
func TestRootHelp(t *testing.T) {
	for _, line := range []string{"rung", "rung --help", "rung -h", "rung help", "rung --root state --help", "rung --root state -h", "rung --debug"} {
		code, stdout, stderr := callIn(t, strings.Fields(line))
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit code %d, stderr %q", line, code, stderr)
		}
		for i := range commands {
			if d := &commands[i]; !d.hidden && !strings.Contains(stdout, d.name+" ") {
				t.Errorf("%s doesn't name %s", line, d.name)
			} else if d.hidden && strings.Contains(stdout, d.usage) {
				t.Errorf("%s names %s", line, d.name)
			}
		}
	}
}

// go-runc and dockerd read these lines.
func TestVersion(t *testing.T) {
	for _, flag := range []string{"--version", "-v"} {
		code, stdout, stderr := call(t, flag)
		lines := strings.Split(stdout, "\n")
		if code != 0 || stderr != "" || len(lines) != 5 || lines[0] != "rung version 1.2.3" || lines[1] != "commit: abc" ||
			lines[2] != "spec: 1.3.0" || !strings.HasPrefix(lines[3], "go: go1.") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", flag, code, stdout, stderr)
		}
	}
}

func TestFeatures(t *testing.T) {
	code, stdout, stderr := call(t, "features")
	var f struct{ OCIVersionMin, OCIVersionMax string }
	if err := json.Unmarshal([]byte(stdout), &f); err != nil {
		t.Fatal(err)
	}
	if code != 0 || stderr != "" || f.OCIVersionMin != "1.0.0" || !strings.HasPrefix(stdout, "{\n    \"") {
		t.Errorf("exit code %d, stderr %q, %+v", code, stderr, f)
	}
}

func TestSpec(t *testing.T) {
	for _, extra := range [][]string{{}, {"--rootless"}} {
		dir := t.TempDir()
		args := append([]string{"spec", "--bundle", dir}, extra...)
		if code, stdout, stderr := call(t, args...); code != 0 || stdout != "" || stderr != "" {
			t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte("{\n\t\"ociVersion\"")) || bytes.Contains(text, []byte(`"uidMappings"`)) != (len(extra) > 0) {
			t.Errorf("%v: config.json is\n%s", extra, text)
		}
		code, _, stderr := call(t, args...)
		if code != 1 || !strings.Contains(stderr, "File config.json exists. Remove it first") {
			t.Errorf("again: exit code %d, stderr %q", code, stderr)
		}
		if again, _ := os.ReadFile(filepath.Join(dir, "config.json")); !bytes.Equal(again, text) {
			t.Error("the file was overwritten")
		}
	}
}
