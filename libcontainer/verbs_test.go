package libcontainer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// verbs are the files of each verb. What two of them share is in a file below both.
var verbs = map[string][]string{
	"create": {"create.go"}, "start": {"start.go", "starthooks.go"}, "run": {"run.go"}, "kill": {"kill.go"}, "delete": {"delete.go"},
	"exec": {"exec.go", "execprocess.go", "execterminal.go", "execwait.go"}, "state": {"state.go"}, "ps": {"ps.go"}, "wait": {"await.go"}, "events": {"events.go"}, "inspect": {"inspect.go"}, "gc": {"gc.go", "survey.go"},
	"pause": {"pause.go"}, "resume": {"resume.go"}, "update": {"update.go"},
}

// TestVerbs wants no file of a verb to use a function, type, variable or constant of another
// verb's.
func TestVerbs(t *testing.T) {
	type home struct{ verb, file string }
	homes, files := map[string]home{}, map[string]*ast.File{}
	for verb, list := range verbs {
		for _, name := range list {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = f
			for _, id := range declared(f) {
				homes[id] = home{verb, name}
			}
		}
	}
	for verb, list := range verbs {
		for _, name := range list {
			for _, id := range used(files[name]) {
				if h, ok := homes[id]; ok && h.verb != verb {
					t.Errorf("%s uses %s of %s: what both need belongs below them", name, id, h.file)
				}
			}
		}
	}
}

// declared are the names of a file that the package knows without a receiver.
func declared(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// used are the names in a file that stand for themselves: no selector's, and no field's.
func used(f *ast.File) (names []string) {
	no := map[*ast.Ident]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			no[n.Sel] = true
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok {
				no[key] = true
			}
		case *ast.Ident:
			if !no[n] {
				names = append(names, n.Name)
			}
		}
		return true
	})
	return names
}
