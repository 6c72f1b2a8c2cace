package cli

import (
	"os"
	"path/filepath"
	"testing"
)

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
