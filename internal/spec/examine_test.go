package spec

import (
	"fmt"
	"strings"
	"testing"
)

const document = `{
  "ociVersion": "1.2.0",
  "process": {"args": ["sh", "-c"], "cwd": "/"},
  "mounts": [
    {"destination": "/a"},
    {"destination": "b", "options": ["ro"]}
  ],
  "linux": {
    "sysctl": {"net.ipv4.ip_forward": "1", "a]\"b.c": "2"}
  }
}`

func TestLocate(t *testing.T) {
	for path, want := range map[string]string{
		"":                                    "1:1",
		"ociVersion":                          "2:17",
		"process.args[1]":                     "3:30",
		"process.args[2]":                     "3:23",
		"process.user.uid":                    "3:14",
		"mounts[1].destination":               "6:21",
		"mounts[1].options[0]":                "6:38",
		"mounts[1].type":                      "6:5",
		"mounts[9].type":                      "4:13",
		`linux.sysctl["net.ipv4.ip_forward"]`: "9:39",
		`linux.sysctl["a]\"b.c"]`:             "9:55",
		"nonesuch.at.all":                     "1:1",
		"mounts.x":                            "4:13",
		"mounts[x":                            "4:13",
	} {
		line, column := Locate([]byte(document), path)
		if got := fmt.Sprintf("%d:%d", line, column); got != want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	if line, column := Locate([]byte(`{"a": [1, {"b" 2}]}`), "a[1].b.c"); line != 1 || column != 11 {
		t.Errorf("behind a syntax error: %d:%d", line, column)
	}
}

func TestExamine(t *testing.T) {
	text := strings.Replace(document, `"cwd": "/"`, `"cwd": "x", "Cwd": "/", "oomScoreAdj": "1"`, 1)
	_, wrong, odd := Examine([]byte(text))
	for _, want := range []string{
		`process.oomScoreAdj: expected a number, got a string (line 3, column 76)`,
		`process.cwd: must be an absolute path (line 3, column 44)`,
		`mounts[1].type: required, unless the options have "bind" or "rbind" (line 6, column 5)`,
		`root: required (line 1, column 1)`,
	} {
		if !strings.Contains(wrong.text(), want) {
			t.Errorf("%q isn't in %v", want, wrong)
		}
	}
	if len(odd) != 1 || !strings.Contains(odd[0].Error(), `process.Cwd: unknown key is ignored, did you mean "cwd"?`) {
		t.Errorf("odd: %v", odd)
	}
	// A key that comes twice, also in what nobody knows, hides nothing and moves nothing.
	text = strings.Replace(text, `"ociVersion": "1.2.0",`, `"ociVersion": "1.2.0", "ociVersion": "1", "x": [{"a": {"b": 1, "b": 2}}], "process": {},`, 1)
	_, wrong, _ = Examine([]byte(text))
	for _, want := range []string{
		`ociVersion: duplicate key "ociVersion" (line 2, column 26)`, `x: duplicate key "b" (line 2, column 66)`, `process: duplicate key "process" (line 3, column 3)`,
		`mounts[1].type: required, unless the options have "bind" or "rbind" (line 6, column 5)`,
	} {
		if !strings.Contains(wrong.text(), want) {
			t.Errorf("%q isn't in %v", want, wrong)
		}
	}
	if _, wrong, _ = Examine([]byte("{\n  \"a\": ]")); len(wrong) != 1 || wrong[0].Line != 2 || wrong[0].Column != 8 {
		t.Errorf("a syntax error: %v", wrong)
	}
}
