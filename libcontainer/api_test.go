package libcontainer

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/api.md anew")

// TestAPI compares the list in docs/api.md with what go doc knows: what is promised changes on purpose only.
func TestAPI(t *testing.T) {
	const file, begin, end = "../docs/api.md", "```go\n", "```\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	list, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no list", file)
	}
	want := exported(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if list != want {
		t.Errorf("the API isn't what %s says: go test -run TestAPI ./libcontainer -update writes it, and git diff shows what has changed", file)
	}
	for _, name := range methods(t) {
		if !strings.Contains(after, "`"+name+"`") {
			t.Errorf("%s doesn't say which errors %s has", file, name)
		}
	}
}

// pkg is what go doc has of the package.
func pkg(t *testing.T) (*doc.Package, *token.FileSet) {
	t.Helper()
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	p, err := doc.NewFromFiles(fset, files, "github.com/rung-oci/rung/libcontainer")
	if err != nil {
		t.Fatal(err)
	}
	return p, fset
}

// exported is all that the package exports, without comments and bodies.
func exported(t *testing.T) string {
	t.Helper()
	p, fset := pkg(t)
	var out bytes.Buffer
	show := func(d ast.Node) {
		if f, ok := d.(*ast.FuncDecl); ok {
			f.Body = nil
		}
		if err := (&printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 4}).Fprint(&out, fset, d); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			show(v.Decl)
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			show(f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		out.WriteByte('\n')
		show(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	return out.String()
}

// methods are those of the three types that do something, and can fail.
func methods(t *testing.T) (names []string) {
	t.Helper()
	p, _ := pkg(t)
	for _, typ := range p.Types {
		if typ.Name != "Runtime" && typ.Name != "Container" && typ.Name != "Process" {
			continue
		}
		for _, m := range typ.Methods {
			if r := m.Decl.Type.Results; r != nil && len(r.List) > 0 && failing(r.List[len(r.List)-1].Type) {
				names = append(names, typ.Name+"."+m.Name)
			}
		}
	}
	return names
}

func failing(result ast.Expr) bool {
	id, ok := result.(*ast.Ident)
	return ok && id.Name == "error"
}
