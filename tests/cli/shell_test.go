package cli

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// TestShellsComplete types into the shells themselves: each has its own idea of what a word is, and of how one is quoted.
func TestShellsComplete(t *testing.T) {
	harness.NeedRung(t, "runc has no script for completion")
	harness.Once(t)
	home := harness.TempDir(t)
	if err := os.Symlink(harness.Runtime(), home+"/rung"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bundle", "a b/inner", "a b/it's"} {
		if err := os.MkdirAll(home+"/in/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(home+"/in/a b/changes.json", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"bash": {"--norc", "--noprofile", "-i"}, "zsh": {"-f", "-i"}, "fish": {"--no-config", "-i"},
	} {
		t.Run(name, func(t *testing.T) {
			shell, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("needs %s (apt install %[1]s)", name)
			}
			completes(t, home, name, append([]string{shell}, args...))
		})
	}
}

// readies are what makes a shell complete by our script. The last word is there when it has done so, and not when it is typed.
var readies = map[string]string{
	"bash": `bind 'set enable-bracketed-paste off'; source <(rung completion bash); echo rea"dy"`,
	"zsh":  `unsetopt autoremoveslash; bindkey -e; autoload -U compinit; compinit -u -D; source <(rung completion zsh); echo rea"dy"`,
	"fish": `rung completion fish | source; echo rea"dy"`,
}

func completes(t *testing.T, home, name string, args []string) {
	const tab = "\t"
	closing := func(quote string) string {
		if name == "bash" { // which closes it behind a directory
			return ""
		}
		return quote
	}
	for typed, want := range map[string]string{
		"rung spec --preset=rea" + tab:                        "<rung><spec><--preset=readonly>",
		"rung spec --preset rea" + tab:                        "<rung><spec><--preset><readonly>",
		"rung debug --namespaces=net,ti" + tab:                "<rung><debug><--namespaces=net,time>",
		"rung --log-level=w" + tab:                            "<rung><--log-level=warning>",
		"rung run --bundle=in/bu" + tab:                       "<rung><run><--bundle=in/bundle/>",
		"rung run --bundle " + home + "/in/b" + tab:           "<rung><run><--bundle><" + home + "/in/bundle/>",
		"rung run --bundle in/a" + tab + "inn" + tab:          "<rung><run><--bundle><in/a b/inner/>",
		"rung run --bundle in/a\\ b/in" + tab:                 "<rung><run><--bundle><in/a b/inner/>",
		"rung run --bundle 'in/a b/in" + tab + closing("'"):   "<rung><run><--bundle><in/a b/inner/>",
		"rung run --bundle \"in/a b/in" + tab + closing("\""): "<rung><run><--bundle><in/a b/inner/>",
		"rung run --bundle=in/a\\ b/in" + tab:                 "<rung><run><--bundle=in/a b/inner/>",
		"rung run --bundle in/a\\ b/it" + tab:                 "<rung><run><--bundle><in/a b/it's/>",
		"rung update --resources=in/a" + tab + "ch" + tab:     "<rung><update><--resources=in/a b/changes.json>",
		"rung update -r in/a\\ b/ch" + tab:                    "<rung><update><-r><in/a b/changes.json>",
		"rung validate in/a\\ b/ch" + tab:                     "<rung><validate><in/a b/changes.json>",
		"rung --root 'in/a b' spec --preset=rea" + tab:        "<rung><--root><in/a b><spec><--preset=readonly>",
		"rung kill x SIGH" + tab:                              "<rung><kill><x><SIGHUP>",
		"rung kill x HU" + tab:                                "<rung><kill><x><HUP>",
		"rung spec --pres" + tab + "rea" + tab:                "<rung><spec><--preset><readonly>",
		"rung exec x cat --file=in/a\\ b/ch" + tab:            "<rung><exec><x><cat><--file=in/a b/changes.json>",
		"rung --root=in/a\\ b --log-level error vali" + tab:   "<rung><--root=in/a b><--log-level><error><validate>",
	} {
		t.Run(strings.ReplaceAll(typed, "/", "∕"), func(t *testing.T) {
			master, slave := harness.OpenPTY(t)
			master.Resize(t, 50, 250)
			c := exec.Command(args[0], args[1:]...)
			c.Dir = home
			c.Env = []string{"HOME=" + home, "PATH=" + home + ":" + os.Getenv("PATH"), "TERM=xterm", "PS1=$ ", "LC_ALL=C.UTF-8"}
			c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			slave.Close()
			defer func() {
				if t.Failed() {
					_ = c.Process.Kill()
				}
				_ = c.Wait()
			}()
			master.Type(t, readies[name]+"\r")
			master.Until(t, "ready")
			// The line's words, as the shell understands them, are what printf gets.
			master.Type(t, typed+"\x01printf '<%s>' \r")
			master.Until(t, want)
			master.Type(t, "wait; exit\r") // bash doesn't wait for all of its children by itself
			master.All(t)
		})
	}
}
