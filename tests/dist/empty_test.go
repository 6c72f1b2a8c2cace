package main

import (
	"os"
	"strings"
	"testing"
)

// Only what is certainly ours is emptied.
func TestEmpty(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		bad   string // in the error
	}{
		"empty":       {},
		"ours":        {files: "SHA256SUMS SHA256SUMS.sigstore.json rung-1.tar.gz rung-1-linux-arm64.cdx.json rung-1-1.s390x.rpm rung_1-1_i386.deb rung_1-r1_x86.apk"},
		"interrupted": {files: "SHA256SUMS rung-1.tar.gz"},
		"no sums":     {files: "rung-1.tar.gz", bad: "SHA256SUMS"},
		"another":     {files: "SHA256SUMS rung-1.tar.gz notes", bad: "notes"},
		"directory":   {files: "SHA256SUMS rung-1.tar.gz/x", bad: "rung-1.tar.gz"},
		"clone":       {files: ".git/HEAD Makefile", bad: ".git"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/a b"
			for _, f := range strings.Fields(c.files) {
				write(t, dir, f, "x")
			}
			before, _ := os.ReadDir(dir)
			err := empty(dir)
			after, _ := os.ReadDir(dir)
			switch {
			case c.bad == "" && (err != nil || len(after) != 1 || after[0].Name() != sumsName):
				t.Errorf("%v, %v", after, err)
			case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "\n") || len(after) != len(before)):
				t.Errorf("%d files of %d, %v", len(after), len(before), err)
			}
		})
	}
}
