package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A leaf is a value of a document that has no others.
type leaf struct{ begin, end, line, column int }

// leaves are those of a document that json.Indent has written, each on a line of its own.
func leaves(text []byte) (list []leaf) {
	d := json.NewDecoder(bytes.NewReader(text))
	var objects []bool // whether each open value is an object
	key, after := false, 0
	for {
		tok, err := d.Token()
		if err != nil {
			return list
		}
		end := int(d.InputOffset())
		switch delim, is := tok.(json.Delim); {
		case is && (delim == '{' || delim == '['):
			objects = append(objects, delim == '{')
		case is:
			objects = objects[:len(objects)-1]
		case key:
			key, after = false, end+len(": ")
			continue
		default:
			begin := after
			start := bytes.LastIndexByte(text[:end], '\n') + 1
			if !objects[len(objects)-1] {
				begin = start + bytes.IndexFunc(text[start:end], func(r rune) bool { return r != ' ' })
			}
			list = append(list, leaf{begin, end, 1 + bytes.Count(text[:begin], []byte("\n")), begin - start + 1})
		}
		key = len(objects) > 0 && objects[len(objects)-1]
	}
}

// TestPlaces breaks each value of engines' configurations, one at a time, and wants an error just there.
func TestPlaces(t *testing.T) {
	files, err := filepath.Glob("../spec/testdata/engines/*config*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d configurations of engines, %v", len(files), err)
	}
	broken := 0
	for _, file := range files[:5] {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		text := b.Bytes()
		list := leaves(text)
		step := 1 + len(list)/150 // enough of each kind
		for i := 0; i < len(list); i += step {
			l := list[i]
			doc := slices.Concat(text[:l.begin], []byte(`{"no": [1]}`), text[l.end:])
			there := slices.ContainsFunc(Config(doc), func(f Finding) bool {
				return f.Severity == Error && f.Line == l.line && f.Column == l.column && f.Message != "" && f.Section != ""
			})
			if broken++; !there {
				t.Errorf("%s:%d:%d: no error at %s", file, l.line, l.column, text[l.begin:l.end])
			}
		}
	}
	if broken < 300 {
		t.Errorf("only %d values were broken", broken)
	}
}

// TestUpstream takes the samples of the specification's own schema: no error in the good ones, one with a place in the bad ones.
func TestUpstream(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	if err != nil {
		t.Skipf("the go command doesn't tell where the module is: %v", err)
	}
	samples := filepath.Join(strings.TrimSpace(string(out)), "schema/test/config")
	for _, kind := range []string{"good", "bad"} {
		files, _ := filepath.Glob(filepath.Join(samples, kind, "*.json"))
		if len(files) == 0 {
			t.Skip("the module runtime-spec is there without its tests")
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			errors := 0
			for _, f := range Config(raw) {
				if f.Severity == Error {
					errors++
				}
				if f.Line < 1 || f.Column < 1 || f.Line > 1+bytes.Count(raw, []byte("\n")) {
					t.Errorf("%s: %+v", name, f)
				}
			}
			switch {
			case strings.HasPrefix(name, "freebsd-"): // of a section that is not read on Linux
			case kind == "bad" && errors == 0:
				t.Errorf("%s: no error", name)
			}
		}
	}
}
