package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// schemaNode is as much of a JSON schema as those of docs/schema have.
type schemaNode struct {
	Type       string                 `json:"type"`
	Enum       []string               `json:"enum"`
	Required   []string               `json:"required"`
	Properties map[string]*schemaNode `json:"properties"`
	Items      *schemaNode            `json:"items"`
}

// fits says where a value isn't what the schema says.
func (n *schemaNode) fits(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if n.Properties[key] == nil {
				t.Errorf("%s: the schema has no %q", at, key)
				continue
			}
			n.Properties[key].fits(t, at+"."+key, member)
		}
		for _, key := range n.Required {
			if _, ok := v[key]; !ok {
				t.Errorf("%s lacks %q", at, key)
			}
		}
	case []any:
		if n.Type != "array" {
			t.Fatalf("%s is an array", at)
		}
		for _, item := range v {
			n.Items.fits(t, at+"[]", item)
		}
	case string:
		if n.Enum == nil && n.Type != "string" || n.Enum != nil && !slices.Contains(n.Enum, v) {
			t.Errorf("%s is %q", at, v)
		}
	case float64:
		if n.Type != "integer" || v < 1 {
			t.Errorf("%s is %v", at, v)
		}
	default:
		t.Errorf("%s is %v", at, v)
	}
}

// TestValidateSchema holds the output against docs/schema/validate.json.
func TestValidateSchema(t *testing.T) {
	text, err := os.ReadFile("../docs/schema/validate.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema schemaNode
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "broken.json")
	for _, doc := range []string{`{}`, `{"ociVersion": 5, "hooks": {"prestart": [{"path": "x"}]}, "Mounts": []}`, `[`} {
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "validate", "--format", "json", file)
		if code != 1 || stderr != "" {
			t.Errorf("%s: code %d, stderr %q", doc, code, stderr)
		}
		var out any
		if err := json.Unmarshal([]byte(stdout), &out); err != nil {
			t.Fatalf("%s: %v: %s", doc, err, stdout)
		}
		schema.fits(t, "$", out)
	}
}
