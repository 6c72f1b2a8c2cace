package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// fake is a distribution of a small content, at a time.
func fake(t *testing.T) (*dist, *content) {
	t.Helper()
	d := &dist{
		out: t.TempDir(), stage: t.TempDir(), tree: ".", number: "1.2.3", origin: origin{Commit: "abc", Release: true},
		time: time.Unix(1700000000, 0).UTC(), env: os.Environ(),
	}
	text := func(s string) file { return file{0o644, []byte(s)} }
	return d, &content{
		binary:      file{0o755, []byte("\x7fELF")},
		pages:       map[string]file{"rung.1": text(".TH"), "rung-run.1": text(".TH")},
		completions: map[string]file{"bash": text("b"), "zsh": text("z"), "fish": text("f")},
		papers: map[string]file{
			"README.md": text("r"), "CHANGELOG.md": text("c"), "SECURITY.md": text("s"), "LICENSE": text("l"), thirdParty: text("t"),
			"docs/a.md": text("a"),
		},
		examples: map[string]file{"daemon.json": text("{}"), "containerd.toml": text(""), "rung.conf": text("")},
	}
}

// Tarballs and packages have no time but the given one, and neither this machine's name nor directories: made twice, they are the same.
func TestSameTwice(t *testing.T) {
	var made [2]map[string][]byte
	for i := range made {
		d, c := fake(t)
		if err := d.tarball(targets[0], c); err != nil {
			t.Fatal(err)
		}
		for _, k := range kinds {
			if err := d.pack(targets[0], k, c); err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
		}
		if err := d.sums(); err != nil {
			t.Fatal(err)
		}
		made[i] = map[string][]byte{}
		entries, _ := os.ReadDir(d.out)
		for _, e := range entries {
			text, err := os.ReadFile(d.out + "/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			made[i][e.Name()] = text
		}
		if i == 0 {
			time.Sleep(1100 * time.Millisecond) // the next second is another time of day
		}
	}
	if len(made[0]) != 1+len(kinds)+1 {
		t.Errorf("%d files made", len(made[0]))
	}
	for name, text := range made[0] {
		if !bytes.Equal(text, made[1][name]) {
			t.Errorf("%s isn't the same twice", name)
		}
	}
}

// In an rpm a file's directory is a number: that of the list that rpmpack makes, in place of which there is ours.
func TestParents(t *testing.T) {
	got := parents([]string{"/usr/share/doc/rung/a", "/usr/bin/rung", "/usr/share/doc/rung", "/usr/share/doc/rung/x/b", "/usr/share/doc/rung/z"})
	if want := []string{"/usr/bin/", "/usr/share/doc/", "/usr/share/doc/rung/", "/usr/share/doc/rung/x/"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What is below /etc is the administrator's: no package has a name there, which it would replace and remove.
func TestNothingBelowEtc(t *testing.T) {
	_, c := fake(t)
	for _, k := range kinds {
		places, err := k.places(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := places[podmanFile]; !ok {
			t.Errorf("%s: nothing for Podman", k.name)
		}
		for _, name := range append(slices.Collect(maps.Keys(places)), k.dirs(places)...) {
			if !strings.HasPrefix(name, "/usr/") {
				t.Errorf("%s: %s", k.name, name)
			}
		}
	}
}

// Readers of a .PKGINFO take no line without a key.
func TestPackageInfo(t *testing.T) {
	d, c := fake(t)
	if err := d.pack(targets[0], kinds[2], c); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tar", "-xzOf", d.out+"/rung_1.2.3-r1_x86_64.apk", ".PKGINFO").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, " = ") {
			t.Errorf("the line %q", line)
		}
	}
}

func TestTar(t *testing.T) {
	d, _ := fake(t)
	var b bytes.Buffer
	if err := d.writeTar(&b, "top", map[string]file{"b/c": {0o755, []byte("x")}, "a": {0o644, nil}}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(d.time) || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s: %+v", h.Name, h)
		}
		names = append(names, h.Name)
	}
	if want := []string{"top/", "top/a", "top/b/", "top/b/c"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

func TestChosen(t *testing.T) {
	if list, err := chosen("arm64,s390x"); err != nil || len(list) != 2 || list[1].name != "s390x" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := chosen(""); err != nil || len(list) != len(targets) {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := chosen("vax"); err == nil || !strings.Contains(err.Error(), "vax") {
		t.Error(err)
	}
}

// The list of contents and the licences name every module of a binary: here this test's.
func TestModules(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d, _ := fake(t)
	all, err := d.licences(self)
	if err != nil {
		t.Fatal(err)
	}
	text := joined(all)
	if err := d.sbom(targets[0], self, all); err != nil {
		t.Fatal(err)
	}
	bom, err := os.ReadFile(d.out + "/rung-1.2.3-linux-amd64.cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	list, toolchain, err := modules(self)
	if err != nil || len(list) < 10 {
		t.Fatalf("%d modules, %v", len(list), err)
	}
	var says struct {
		Metadata     struct{ Component struct{ PURL string } }
		Dependencies []struct {
			Ref       string
			DependsOn []string
		}
	}
	if err := json.Unmarshal(bom, &says); err != nil {
		t.Fatal(err)
	}
	own, edges := "pkg:golang/github.com/rung-oci/rung@v1.2.3", says.Dependencies
	if says.Metadata.Component.PURL != own || len(edges) != 1 || edges[0].Ref != own || len(edges[0].DependsOn) != len(list)+1 {
		t.Errorf("%+v", says)
	}
	for _, m := range append(list, &debug.Module{Path: "stdlib", Version: toolchain}) {
		if m.Path == "stdlib" {
			if want := `"purl": "pkg:golang/stdlib@` + strings.TrimPrefix(toolchain, "go") + `"`; !strings.Contains(string(bom), want) {
				t.Errorf("the list has no %s", want)
			}
			if !strings.Contains(string(text), "== stdlib "+toolchain+": LICENSE\n") {
				t.Error("no licence of Go")
			}
			continue
		}
		if !strings.Contains(string(bom), `"purl": "pkg:golang/`+m.Path+"@"+strings.ReplaceAll(m.Version, "+", "%2B")+`"`) {
			t.Errorf("the list has no %s", m.Path)
		}
		if !strings.Contains(string(text), "== "+m.Path+" "+m.Version+": ") {
			t.Errorf("no licence of %s", m.Path)
		}
	}
}

// Whatever the names of directories have in them, of the shell's signs, make's and patterns', what is made is there.
func TestOddNames(t *testing.T) {
	d, c := fake(t)
	odd := t.TempDir() + `/a b'"$(echo x)$HOME ${x}[1]*?{a,b}` + "`x`#%\\;&~"
	d.tree, d.stage, d.out = odd+"/tree", odd+"/stage", odd+"/out"
	for _, dir := range []string{d.stage, d.out} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"Makefile": string(makefile), "VERSION": "1.2.3\n", "README.md": "[a](docs/a.md)", "CHANGELOG.md": "", "SECURITY.md": "", "LICENSE": "", "docs/man/rung.1": ".TH",
		"docs/a.md": "a", "go": "#!/bin/sh\nfor last; do [ \"$before\" != -o ] || : >\"$last\"; before=$last; done\n",
	} {
		write(t, d.tree, name, text)
	}
	if err := os.Chmod(d.tree+"/go", 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	d.env = append(d.env, "GO=./go")
	if err := d.build(nil, d.stage+"/rung"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.stage + "/rung"); err != nil {
		t.Error(err)
	}
	if pages, err := d.pages(); err != nil || len(pages) != 1 {
		t.Errorf("%d manual pages, %v", len(pages), err)
	}
	if papers, err := documents(d.tree, "x"); err != nil || len(papers) != 4 {
		t.Errorf("%d papers, %v", len(papers), err)
	}
	if err := d.tarball(targets[0], c); err != nil {
		t.Error(err)
	}
	for _, k := range kinds {
		if err := d.pack(targets[0], k, c); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

// The examples are what the engines' own parsers take.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	short, err := os.MkdirTemp("/tmp", "") //nolint:usetesting // Podman takes no name of more than 50 characters, and TMPDIR may have them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	for name, text := range examples {
		text = strings.ReplaceAll(text, "/usr/bin/rung", "/bin/true") // which is there
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var daemon struct {
		Runtimes map[string]struct{ Path string }
	}
	// dockerd --validate is younger than Debian 12's; tests/engines has dockerd take the same lines of the guide.
	if err := json.Unmarshal([]byte(examples["daemon.json"]), &daemon); err != nil || daemon.Runtimes["rung"].Path != "/usr/bin/rung" {
		t.Errorf("daemon.json: %v, %v", daemon, err)
	}
	for _, e := range []struct {
		want, program string
		args          []string
	}{
		{`BinaryName = "/bin/true"`, "containerd", []string{"--config", dir + "/containerd.toml", "config", "dump"}},
		{"rung:/bin/true", "podman", []string{
			"--root", dir + "/root", "--runroot", short, "--tmpdir", dir + "/tmp", "--storage-driver", "vfs",
			"--runtime", "rung", "info", "--format", "{{.Host.OCIRuntime.Name}}:{{.Host.OCIRuntime.Path}}",
		}},
	} {
		t.Run(e.program, func(t *testing.T) {
			if _, err := exec.LookPath(e.program); err != nil {
				t.Skip(err)
			}
			cmd := exec.Command("timeout", append([]string{"30", e.program}, e.args...)...)
			cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+dir+"/rung.conf")
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), e.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
