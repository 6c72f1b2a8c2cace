package differ

import (
	"fmt"
	"strings"
)

// Document is the tables as Markdown: docs/differences.md.
func Document() string {
	var b strings.Builder
	b.WriteString(`# Where rung and runc differ

What random configurations found (tests/differ), beside runc 1.4.0. ` + "`make differ-known`" + ` writes this
page from the tables that the comparison uses: a difference that isn't here fails it.
`)
	for _, part := range tables {
		if len(part.list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| what | why |\n|---|---|\n", strings.ToUpper(part.title[:1])+part.title[1:])
		for _, k := range part.list {
			later := ""
			if k.Later != "" {
				later = " (" + k.Later + ")"
			}
			fmt.Fprintf(&b, "| %s | %s%s |\n", k.Name, k.Reason, later)
		}
	}
	return b.String()
}
