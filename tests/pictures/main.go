// Pictures draws docs/pictures: what a person sees who types some commands, as SVG for light and dark pages. The
// commands are run, by the rung that is given; nothing in a picture is written by hand.
//
//	go run ./pictures -rung ../build/rung -out ../docs/pictures
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A picture is a session: commands that are prepared for without being shown, and those that are.
type picture struct {
	name    string
	prepare string
	typed   []string
}

const box = `mkdir -p box/rootfs/bin box/rootfs/proc
cp "$(command -v busybox)" box/rootfs/bin/sh
rung spec --bundle box
sed -i 's/"terminal": true/"terminal": false/' box/config.json
`

var pictures = []picture{
	{
		name: "run",
		prepare: box + `jq '.process.args = ["sh", "-c", "echo pid $$ on $(hostname)"] | .root.readonly = true' <box/config.json >x && mv x box/config.json
cp -r box typo
jq '.mounts += [{"destination": "/data", "source": "/etc", "options": ["bind", "nosiud"]}] | .linux.resources.memory.limit = -5 | .process.cwd = "tmp"' <typo/config.json >x && mv x typo/config.json
cp -r box missing
printf '#!/usr/bin/python3\n' >missing/rootfs/bin/app && chmod +x missing/rootfs/bin/app
jq '.process.args = ["app"]' <missing/config.json >x && mv x missing/config.json
`,
		typed: []string{
			"rung run --bundle box web",
			"rung run --bundle typo web",
			"rung run --bundle missing web",
			"rung plan box | head -n 12",
		},
	},
	{
		name:    "trace",
		prepare: box + `jq '.process.args = ["sh", "-c", "exit 0"]' <box/config.json >x && mv x box/config.json` + "\nrung run --bundle box warm\n",
		typed:   []string{"rung run --trace t.json --bundle box web", "rung trace t.json"},
	},
}

func main() {
	rung := flag.String("rung", "../build/rung", "the runtime's `path`")
	out := flag.String("out", "../docs/pictures", "the `directory` for the pictures")
	flag.Parse()
	for _, p := range pictures {
		if err := p.draw(*rung, *out); err != nil {
			fmt.Fprintf(os.Stderr, "pictures: %s: %v\n", p.name, err)
			os.Exit(1)
		}
	}
}

func (p *picture) draw(rung, out string) error {
	rung, err := filepath.Abs(rung)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rung-pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	// Containers are in a place of ours.
	script := "#!/bin/sh\nexec " + rung + " --root " + dir + "/run \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "rung"), []byte(script), 0o755); err != nil {
		return err
	}
	shell := func(text string) (string, error) {
		cmd := exec.Command("timeout", "-k", "5", "60", "sh", "-c", text)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "COLUMNS=110")
		said, err := cmd.CombinedOutput()
		return strings.ReplaceAll(string(said), dir+"/", "/bundles/"), err
	}
	if said, err := shell("set -e\n" + p.prepare); err != nil {
		return fmt.Errorf("%w\n%s", err, said)
	}
	var lines []line
	for _, typed := range p.typed {
		lines = append(lines, line{typed: true, text: typed})
		said, _ := shell(typed) // what fails is to be seen as well
		for text := range strings.Lines(said) {
			lines = append(lines, wrapped(shorter(strings.TrimRight(text, "\n")))...)
		}
		lines = append(lines, line{})
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, p.name+".svg"), []byte(svg(lines)), 0o644)
}
