package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a configuration and its file are called doesn't move the cursor; JSON says it exactly.
func TestValidatePrintable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a\x1b\nb.json")
	if err := os.WriteFile(file, []byte(`{"ociVersion": "1.2.0", "\u001b[2J\nk": 1, "hostname": "h\u001b", "root": {"path": "\u001b"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := call(t, "validate", file)
	if strings.Contains(stdout, "\x1b") || !strings.Contains(stdout, `a\x1b\x0ab.json:1:`) || !strings.Contains(stdout, `\x1b[2J`) {
		t.Errorf("%q", stdout)
	}
	if _, stdout, _ = call(t, "validate", "--format", "json", file); !strings.Contains(stdout, `a\u001b\nb.json`) {
		t.Errorf("%q", stdout)
	}
}

// TestValidateSchema holds the output against docs/schema/validate.json.
func TestValidateSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken.json")
	for _, doc := range []string{`{}`, `{"ociVersion": 5, "hooks": {"prestart": [{"path": "x"}]}, "Mounts": []}`, `[`} {
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "validate", "--format", "json", file)
		if code != 1 || stderr != "" {
			t.Errorf("%s: code %d, stderr %q", doc, code, stderr)
		}
		checkSchema(t, "validate.json", stdout)
	}
}

// Code review tools want URIs, and columns in characters.
func TestSARIF(t *testing.T) {
	dir := t.TempDir() + "/a b%é"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := `{"ociVersion":"1.0.2","hostname":"😀é","bogus":1}`
	if err := os.WriteFile(dir+"/config.json", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := call(t, "validate", "--format", "sarif", dir)
	for _, want := range []string{`/a%20b%25%C3%A9/config.json"`, `"columnKind": "unicodeCodePoints"`, `"startColumn": 47`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %s in %s", want, stdout)
		}
	}
}

func TestFormatMeant(t *testing.T) {
	if err := checkFormat("jsno", "text", "json", "sarif"); err == nil || !strings.HasSuffix(err.Error(), "it can be text, json or sarif; did you mean json?") {
		t.Error(err)
	}
}
