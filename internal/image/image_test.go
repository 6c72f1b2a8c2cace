package image

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// memory is a layout by its files.
type memory map[string]string

func (m memory) read(name string) ([]byte, error) {
	text, ok := m[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, unix.ENOENT)
	}
	return []byte(text), nil
}

func (memory) Close() error { return nil }

// put adds a document, and returns a descriptor of it with more members.
func (m memory) put(algorithm, mediaType, text, more string) string {
	digest := algorithm + ":" + hex.EncodeToString(sumOf(algorithm, []byte(text)))
	m["blobs/"+strings.Replace(digest, ":", "/", 1)] = text
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d%s}`, mediaType, digest, len(text), more)
}

// image adds an image with a configuration, and returns the descriptor of its manifest.
func (m memory) image(config, more string) string {
	return m.put("sha256", manifestTypes[0], `{"schemaVersion":2,"config":`+m.put("sha512", configTypes[0], config, "")+`,"layers":[]}`, more)
}

func (m memory) index(list ...string) {
	m["index.json"] = index(list...)
}

func index(list ...string) string {
	return `{"schemaVersion":2,"manifests":[` + strings.Join(list, ",") + `]}`
}

func empty() memory { return memory{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`} }

func on(arch, variant string) string {
	return fmt.Sprintf(`,"platform":{"os":"linux","architecture":%q,"variant":%q}`, arch, variant)
}

func called(name string) string { return fmt.Sprintf(`,"annotations":{%q:%q}`, refName, name) }

// by is a configuration that can be told from others.
func by(author string) string { return fmt.Sprintf(`{"author":%q,"os":"linux"}`, author) }

var arm = Platform{OS: "linux", Architecture: "arm64"}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		fill func(memory)
		name string
		want string // the author, or the error after "error: "
	}{
		"one": {func(m memory) { m.index(m.image(by("a"), "")) }, "", "a"},
		"by name": {func(m memory) {
			m.index(m.image(by("a"), called("one")), m.image(by("b"), called("two")))
		}, "two", "b"},
		"no name": {func(m memory) {
			m.index(m.image(by("a"), called("one")), m.image(by("b"), called("two")))
		}, "", "error: several images for linux/arm64: add a colon and the name of one of them; it has one, two"},
		"the same twice": {func(m memory) {
			m.index(m.image(by("a"), called("one")), m.image(by("a"), called("two")))
		}, "", "a"},
		"wrong name": {func(m memory) {
			m.index(m.image(by("a"), called("latest")))
		}, "latset", `error: no image is named "latset"; did you mean latest?; it has latest`},
		"platform": {func(m memory) {
			m.index(m.image(by("a"), on("amd64", "")), m.image(by("b"), on("arm64", "v8")), m.image(by("c"), on("unknown", "")))
		}, "", "b"},
		"no variant": {func(m memory) {
			m.index(m.image(by("a"), on("arm64", "v9")), m.image(by("b"), on("arm64", "")))
		}, "", "b"},
		"no platform": {func(m memory) {
			m.index(m.image(by("a"), on("amd64", "")), m.image(by("b"), on("riscv64", "")))
		}, "", "error: no image for linux/arm64; it has linux/amd64, linux/riscv64"},
		"of another": {func(m memory) {
			m.index(m.image(`{"os":"linux","architecture":"amd64"}`, ""))
		}, "", "error: image is for linux/amd64, this machine is linux/arm64"},
		"nested": {func(m memory) {
			inner := index(m.image(by("a"), on("amd64", "")), m.image(by("b"), on("arm64", "")))
			m.index(m.put("sha256", indexTypes[0], inner, called("multi")), m.image(by("c"), called("other")))
		}, "multi", "b"},
		"docker's types": {func(m memory) {
			config := m.put("sha256", configTypes[1], by("a"), "")
			manifest := m.put("sha256", manifestTypes[1], `{"config":`+config+`}`, on("arm64", ""))
			m.index(m.put("sha512", indexTypes[1], index(manifest), ""))
		}, "", "a"},
		"too deep": {func(m memory) {
			d := m.image(by("a"), "")
			for range maxDepth + 1 {
				d = m.put("sha256", indexTypes[0], index(d), "")
			}
			m.index(d)
		}, "", "error: too many indexes in indexes"},
		"too many": {func(m memory) {
			d := m.put("sha256", indexTypes[0], index(), "")
			m.index(slices.Repeat([]string{d}, maxIndexes+1)...)
		}, "", "error: too many indexes in indexes"},
		"nothing":     {func(m memory) { m.index() }, "", "error: it has no image"},
		"other types": {func(m memory) { m.index(m.put("sha256", "text/plain", "x", "")) }, "", "error: it has no image"},
		"artifact": {func(m memory) {
			m.index(m.put("sha256", manifestTypes[0], `{"config":`+m.put("sha256", "text/plain", "{}", "")+`}`, ""))
		}, "", "it is no image: its configuration has the type \"text/plain\""},
		"strange name": {func(m memory) {
			m.index(m.image(by("a"), called("one")), m.image(by("b"), called("a\u202eb"+strings.Repeat("c", 200))))
		}, "", "it has \"a\\u202ebccc"},
		"no index":      {func(memory) {}, "", "error: index.json: no such file or directory"},
		"no layout":     {func(m memory) { delete(m, "oci-layout") }, "", "error: it has no file oci-layout: is it one?"},
		"later layout":  {func(m memory) { m["oci-layout"] = `{"imageLayoutVersion":"2.0.0"}` }, "", `error: oci-layout: version "2.0.0" isn't known`},
		"no JSON":       {func(m memory) { m["index.json"] = "[]" }, "", "error: index.json: expected an object"},
		"other digest":  {func(m memory) { m.index(m.image(by("a"), "")); m.spoil("a", "b") }, "", "its content has another digest"},
		"other size":    {func(m memory) { m.index(m.image(by("a"), "")); m.spoil("a", "aa") }, "", "bytes, and is said to have"},
		"missing":       {func(m memory) { m.index(m.image(by("a"), "")); m.spoil("a", "") }, "", "the layout doesn't have it"},
		"weak digest":   {func(m memory) { m.index(descriptorOf("md5:00", 1)) }, "", `digest "md5:00": neither sha256 nor sha512`},
		"path for one":  {func(m memory) { m.index(descriptorOf("sha256:../../index.json", 1)) }, "", "not 64 lower-case hexadecimal digits"},
		"huge document": {func(m memory) { m.index(descriptorOf("sha256:"+strings.Repeat("0", 64), 1<<40)) }, "", "larger than the limit of 4 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			m := empty()
			c.fill(m)
			got, err := find(m, c.name, arm)
			switch want, fails := strings.CutPrefix(c.want, "error: "); {
			case err != nil:
				if fails && err.Error() != want && !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, c.want)
				}
			case got.Author != c.want:
				t.Errorf("%q, want %q", got.Author, c.want)
			}
		})
	}
}

// spoil changes the configuration by an author, or for "" takes it away.
func (m memory) spoil(author, other string) {
	for name, text := range m {
		if text == by(author) {
			if m[name] = by(other); other == "" {
				delete(m, name)
			}
		}
	}
}

func descriptorOf(digest string, size int) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, manifestTypes[0], digest, size)
}

// packed is a layout as an archive, each name with a prefix.
func (m memory) packed(t *testing.T, prefix string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		add(t, w, &tar.Header{Name: prefix + name, Mode: 0o644, Typeflag: tar.TypeReg}, m[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func add(t *testing.T, w *tar.Writer, h *tar.Header, text string) {
	t.Helper()
	h.Size = int64(len(text))
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// The same layout, as a directory and as archives.
func TestRead(t *testing.T) {
	m := empty()
	m.index(m.image(by("a"), called("one")), m.image(by("b"), called("two")))
	dir := t.TempDir()
	for name, text := range m {
		path := filepath.Join(dir, "layout", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
	write(t, dir+"/plain.tar", string(m.packed(t, "")))
	write(t, dir+"/dot.tar:x", string(m.packed(t, "./")))
	write(t, dir+"/gzip.tar", "\x1f\x8bxxxx")
	write(t, dir+"/garbage", strings.Repeat("garbage", 200))
	write(t, dir+"/none", "")
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"layout:two": "b", "plain.tar:one": "a", "dot.tar:x:one": "a",
		"dot.tar:x":       "several images",
		"none":            "it has no file oci-layout",
		"layout":          "several images",
		"layout:three":    `no image is named "three"; it has one, two`,
		"gzip.tar":        "unpack it with gzip -d first",
		"garbage":         "read archive: ",
		"absent:one":      "absent: no such file or directory",
		"fifo":            "neither a directory nor a file",
		"layout/blobs":    "it has no file oci-layout",
		"plain.tar/x:one": "not a directory",
	} {
		c, err := Read(filepath.Join(dir, from), Native())
		switch {
		case err != nil && !strings.Contains(err.Error(), want) || err == nil && c.Author != want:
			t.Errorf("%s: %v, %v, want %s", from, c, err, want)
		case err != nil && !strings.Contains(err.Error(), dir):
			t.Errorf("%s: error doesn't say where: %v", from, err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A directory's links lead nowhere outside, and what isn't a file isn't read.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/secret", `{"imageLayoutVersion":"1.0.0"}`)
	inside := dir + "/layout"
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{"../secret": "it has no file", dir + "/secret": "it has no file", "/": "not a regular file", "/proc/kmsg": "it has no file"} {
		if err := os.Symlink(target, inside+"/oci-layout"); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(inside, Native()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("link to %s: %v", target, err)
		}
		if err := os.Remove(inside + "/oci-layout"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExtract(t *testing.T) {
	type entry struct {
		name, text string
		kind       byte
		link       string
	}
	for name, c := range map[string]struct {
		list []entry
		want string
	}{
		"plain":     {[]entry{{"f", "1", tar.TypeReg, ""}}, "1"},
		"last":      {[]entry{{"f", "1", tar.TypeReg, ""}, {"./f", "2", tar.TypeReg, ""}}, "2"},
		"link":      {[]entry{{"g", "1", tar.TypeReg, ""}, {"f", "", tar.TypeSymlink, "g"}}, "f: not a regular file"},
		"hard link": {[]entry{{"g", "1", tar.TypeReg, ""}, {"f", "", tar.TypeLink, "g"}}, "f: not a regular file"},
		"link last": {[]entry{{"f", "1", tar.TypeReg, ""}, {"f", "", tar.TypeSymlink, "/etc/passwd"}}, "f: not a regular file"},
		"absolute":  {[]entry{{"/f", "1", tar.TypeReg, ""}}, "f: no such file or directory"},
		"up":        {[]entry{{"x/../f", "1", tar.TypeReg, ""}, {"../f", "1", tar.TypeReg, ""}}, "f: no such file or directory"},
		"large":     {[]entry{{"f", strings.Repeat("x", maxDocument+1), tar.TypeReg, ""}}, "f: larger than the limit of 4 MiB"},
		"device":    {[]entry{{"f", "", tar.TypeChar, ""}}, "f: not a regular file"},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range c.list {
			add(t, w, &tar.Header{Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: 0o644}, e.text)
		}
		w.Close()
		text, err := extract(bytes.NewReader(b.Bytes()), "f")
		got := string(text)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %.60q, want %q", name, got, c.want)
		}
	}
}

// Whatever an archive holds, reading it ends, and what is believed has its digest.
func FuzzArchive(f *testing.F) {
	m := empty()
	m.index(m.image(by("a"), called("one")+on(runtime.GOARCH, "")))
	var t testing.T
	f.Add(m.packed(&t, "./"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := bytesArchive(raw)
		if c, err := find(l, "", Native()); err == nil && c == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}

type bytesArchive []byte

func (b bytesArchive) read(name string) ([]byte, error) { return extract(bytes.NewReader(b), name) }
func (bytesArchive) Close() error                       { return nil }

// The documents are strangers' too, where digests don't stand between.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{
		index(descriptorOf("sha256:00", 1) + "," + descriptorOf("x", -1)),
		by("a"), `{"config":null,"manifests":[null,{"platform":null,"annotations":{"x":""}}]}`,
		`{"config":{"Env":["A=b"],"Cmd":null,"Labels":{"a":"b"},"Volumes":{"/x":{}},"ExposedPorts":{"1/tcp":{}}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := empty()
		m["index.json"] = string(raw)
		_, _ = find(m, "", Native())
		_, _ = decodeManifest(raw)
		if c, err := decodeConfig(raw); err == nil {
			c.Apply(example())
		}
	})
}
