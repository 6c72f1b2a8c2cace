package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// schemaNode is as much of a JSON schema as those of docs/schema have.
type schemaNode struct {
	Type                 schemaTypes            `json:"type"`
	Enum                 []string               `json:"enum"`
	Required             []string               `json:"required"`
	Properties           map[string]*schemaNode `json:"properties"`
	AdditionalProperties *schemaNode            `json:"additionalProperties"`
	Items                *schemaNode            `json:"items"`
	Minimum              *float64               `json:"minimum"`
}

// schemaTypes is one type, or a list of them.
type schemaTypes []string

func (s *schemaTypes) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*s = schemaTypes{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// readSchema reads a file of docs/schema.
func readSchema(t *testing.T, name string) *schemaNode {
	t.Helper()
	file, err := os.ReadFile("../docs/schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	schema := new(schemaNode)
	if err := json.Unmarshal(file, schema); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return schema
}

// checkSchema holds a JSON text against a file of docs/schema. Fields that the schema doesn't know are errors here: it has all of them.
func checkSchema(t *testing.T, name, text string) {
	t.Helper()
	schema := readSchema(t, name)
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	schema.fits(t, "$", v)
}

// fits says where a value isn't what the schema says.
func (n *schemaNode) fits(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		n.is(t, at, "object")
		n.object(t, at, v)
	case []any:
		n.is(t, at, "array")
		for _, item := range v {
			if n.Items == nil {
				t.Fatalf("%s: the schema has no items", at)
			}
			n.Items.fits(t, at+"[]", item)
		}
	case string:
		if n.Enum == nil {
			n.is(t, at, "string")
		} else if !slices.Contains(n.Enum, v) {
			t.Errorf("%s is %q", at, v)
		}
	case float64:
		if v != float64(int64(v)) {
			n.is(t, at, "number")
		} else if !slices.Contains(n.Type, "number") {
			n.is(t, at, "integer")
		}
		if n.Minimum != nil && v < *n.Minimum {
			t.Errorf("%s is %v", at, v)
		}
	case bool:
		n.is(t, at, "boolean")
	default:
		n.is(t, at, "null")
	}
}

func (n *schemaNode) is(t *testing.T, at, kind string) {
	t.Helper()
	if !slices.Contains(n.Type, kind) {
		t.Errorf("%s is of type %s, not %s", at, kind, strings.Join(n.Type, " or "))
	}
}

func (n *schemaNode) object(t *testing.T, at string, v map[string]any) {
	t.Helper()
	for key, member := range v {
		of := n.Properties[key]
		if of == nil {
			of = n.AdditionalProperties
		}
		if of == nil {
			t.Errorf("%s: the schema has no %q", at, key)
			continue
		}
		of.fits(t, at+"."+key, member)
	}
	for _, key := range n.Required {
		if _, ok := v[key]; !ok {
			t.Errorf("%s lacks %q", at, key)
		}
	}
}
