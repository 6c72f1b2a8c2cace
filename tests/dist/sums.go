package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
)

const sumsName = "SHA256SUMS"

// sums writes the checksums of all that was made, for sha256sum -c.
func (d *dist) sums() error {
	entries, err := os.ReadDir(d.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		if e.Name() == sumsName {
			continue
		}
		sum, err := fileSum(filepath.Join(d.out, e.Name()))
		if err != nil {
			return err
		}
		b.WriteString(sum + "  " + e.Name() + "\n")
	}
	return d.write(sumsName, []byte(b.String()))
}

func fileSum(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
