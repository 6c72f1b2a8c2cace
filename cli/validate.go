package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/audit"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/suggest"
)

var validateCommand = command{
	name:      "validate",
	usage:     "say what is wrong with a configuration, or risky",
	argsUsage: "[BUNDLE|FILE|-]",
	description: `Reads a config.json, that of a bundle (by default the one in the current
directory), a file or, for -, the standard input, and says all that is to be
said about it, each with its place: an error, for which no container is made;
what is ignored; what differs from runc; what is deprecated; and what gives
the container power over the host. Nothing is asked of the host. The file may be
a pipe, whose end is waited for.

The exit code is 1 if there is an error; with --strict, if there is anything.

EXAMPLE:
   # rung validate box
   # jq 'del(.root)' box/config.json | rung validate --format json -
   # rung validate --strict --format sarif box > rung.sarif`,
	maxArgs: 1,
	build: func(a *app, c *urfave.Command) action {
		var format string
		var strict bool
		c.Flags = []urfave.Flag{
			&urfave.StringFlag{
				Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "text",
				Usage: "`format` of what is said: text, json or sarif",
			},
			&urfave.BoolFlag{Name: "strict", Destination: &strict, Usage: "take anything that is found for an error"},
		}
		return func(args []string) error {
			if err := a.begin(); err != nil {
				return err
			}
			name := "."
			if len(args) > 0 {
				name = args[0]
			}
			return a.validate(name, format, strict)
		}
	},
}

func (a *app) validate(name, format string, strict bool) error {
	if err := checkFormat(format, "text", "json", "sarif"); err != nil {
		return err
	}
	write := map[string]func(file string, list []audit.Finding) ([]byte, error){"text": findingsText, "json": findingsJSON, "sarif": findingsSARIF}[format]
	raw, file, err := readBundle(name)
	if err != nil {
		return err
	}
	list := audit.Config(raw)
	if format == "sarif" {
		list = inCharacters(raw, list)
	}
	out, err := write(file, list)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(f audit.Finding) bool { return strict || f.Severity == audit.Error }) {
		a.code = 1
	}
	return a.print(out)
}

// checkFormat refuses a format that isn't one of a list.
func checkFormat(format string, known ...string) error {
	if slices.Contains(known, format) {
		return nil
	}
	last := len(known) - 1
	return fmt.Errorf("unknown format %q: it can be %s or %s%s", format, strings.Join(known[:last], ", "), known[last], suggest.Meant(format, known, ""))
}

// readBundle reads the configuration of a bundle, or another, and says which file it is.
func readBundle(name string) (raw []byte, file string, err error) {
	if file = configPath(name); name != "-" && file != name {
		raw, err = spec.ReadConfig(name)
		return raw, file, err
	}
	return readDocument(name)
}

// readDocument reads the standard input or a file, and says which it was. Neither may be larger than a configuration.
func readDocument(name string) (raw []byte, file string, err error) {
	if name != "-" {
		raw, err = spec.ReadFile(name)
		return raw, name, err
	}
	file = "standard input"
	raw, err = io.ReadAll(io.LimitReader(os.Stdin, spec.MaxConfigSize+1))
	if err == nil && len(raw) > spec.MaxConfigSize {
		err = errors.New(file + ": larger than the limit of " + strconv.Itoa(spec.MaxConfigSize>>20) + " MiB")
	}
	return raw, file, err
}

func findingsText(file string, list []audit.Finding) ([]byte, error) {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%s:%d:%d: %s: ", printable(file), f.Line, f.Column, f.Severity)
		if f.Path != "" {
			b.WriteString(printable(f.Path) + ": ")
		}
		b.WriteString(printable(f.Message) + " (" + f.Section + ")\n")
		if f.Fix != "" {
			b.WriteString("\t" + printable(f.Fix) + "\n")
		}
	}
	return []byte(b.String()), nil
}

// finding is an audit.Finding in JSON, see docs/schema/validate.json.
type finding struct {
	Severity audit.Severity `json:"severity"`
	Path     string         `json:"path"`
	Line     int            `json:"line"`
	Column   int            `json:"column"`
	Message  string         `json:"message"`
	Section  string         `json:"section"`
	Fix      string         `json:"fix,omitempty"`
}

func findingsJSON(file string, list []audit.Finding) ([]byte, error) {
	doc := struct {
		File     string    `json:"file"`
		Findings []finding `json:"findings"`
	}{file, []finding{}}
	for _, f := range list {
		doc.Findings = append(doc.Findings, finding(f))
	}
	return indented(doc)
}

func indented(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}

// sarifSchema is what the standard has its schema by.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// findingsSARIF writes what code review tools read (Static Analysis Results Interchange Format, version 2.1.0).
func findingsSARIF(file string, list []audit.Finding) ([]byte, error) {
	type object = map[string]any
	rules, results := []object{}, []object{}
	for _, s := range audit.Severities {
		rules = append(rules, object{"id": string(s), "defaultConfiguration": object{"level": level(s)}})
	}
	for _, f := range list {
		text := f.Message
		if f.Path != "" {
			text = f.Path + ": " + text
		}
		if f.Fix != "" {
			text += " (" + f.Fix + ")"
		}
		results = append(results, object{
			"ruleId": string(f.Severity), "level": level(f.Severity), "message": object{"text": text},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": uriReference(file)},
				"region":           object{"startLine": f.Line, "startColumn": f.Column},
			}}},
		})
	}
	return indented(object{"$schema": sarifSchema, "version": "2.1.0", "runs": []object{{"tool": object{"driver": object{"name": "rung", "rules": rules}}, "columnKind": "unicodeCodePoints", "results": results}}})
}

// uriReference is a path as RFC 3986 has it: what isn't to be in one is written as %XX.
func uriReference(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c == '/' || c == '-' || c == '.' || c == '_' || c == '~' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// inCharacters counts columns, which are bytes, in characters.
func inCharacters(text []byte, list []audit.Finding) []audit.Finding {
	lines := bytes.Split(text, []byte("\n"))
	list = slices.Clone(list)
	for i := range list {
		if f := &list[i]; f.Line > 0 && f.Line <= len(lines) {
			line := lines[f.Line-1]
			f.Column = utf8.RuneCount(line[:min(max(f.Column-1, 0), len(line))]) + 1
		}
	}
	return list
}

// level is SARIF's word for a severity.
func level(s audit.Severity) string {
	switch s {
	case audit.Error:
		return "error"
	case audit.Ignored, audit.Risky:
		return "warning"
	}
	return "note"
}
