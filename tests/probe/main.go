// Probe prints, as JSON, how the world looks to a process in a container.
//
//	probe [-o FILE] [-e EXITCODE] [-w FILE] [OP:ARG]...
//
// -o writes to a file in place of stdout, -w waits at the end until the file
// exists (one minute at most). Operations are tried in order and their outcome,
// "ok…" or the error, is in the report: see try.go.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/rung-oci/rung/tests/report"
)

func main() {
	fds := openFDs() // first: whatever comes later may open some
	out := flag.String("o", "", "write the report to `file`")
	code := flag.Int("e", 0, "exit with `code`")
	wait := flag.String("w", "", "wait until `file` exists")
	flag.Parse()
	r := collect()
	r.FDs = fds
	r.Tries = make(map[string]string)
	for _, arg := range flag.Args() {
		r.Tries[arg] = try(arg)
	}
	if err := emit(r, *out); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(125)
	}
	for n := 0; *wait != "" && n < 6000; n++ {
		if _, err := os.Stat(*wait); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(*code)
}

func emit(r *report.Report, path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if path == "" {
		_, err = os.Stdout.Write(data)
		return err
	}
	return os.WriteFile(path, data, 0o666)
}
