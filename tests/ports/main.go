// Command ports checks that all packages of the module compile for the architectures
// given, as the compiler's front end would: types, constants' ranges, sizes, and what
// golang.org/x/sys has there and what not. A build per architecture takes ten times as
// long, for machine code that nobody runs.
//
//	ports [-dir ..] 386 arm riscv64
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	dir := flag.String("dir", "..", "the module's directory")
	flag.Parse()
	bad := false
	for _, arch := range flag.Args() {
		faults, err := check(*dir, arch)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", arch, err)
			os.Exit(1)
		}
		for _, f := range faults {
			fmt.Fprintf(os.Stderr, "%s: %s\n", arch, f)
			bad = true
		}
	}
	if bad {
		os.Exit(1)
	}
}

// check says what doesn't compile of the module in dir.
func check(dir, arch string) ([]string, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesSizes,
		Dir:  root,
		Env:  append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0"),
		// Of other modules only the declarations matter.
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
			if f != nil && !strings.HasPrefix(name, root+"/") {
				withoutBodies(f)
			}
			return f, err
		},
	}, "./...")
	if err != nil {
		return nil, err
	}
	if len(pkgs) == 0 {
		return nil, fmt.Errorf("no packages in %s", root)
	}
	var faults []string
	for _, p := range pkgs {
		for _, e := range p.Errors {
			faults = append(faults, e.Error())
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults), nil
}

func withoutBodies(f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			fn.Body = nil
		}
	}
}
