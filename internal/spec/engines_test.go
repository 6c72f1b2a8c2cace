package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// engineFiles returns the configurations that engines wrote; kind is "config" or "process".
func engineFiles(t testing.TB, kind string) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/engines/*-" + kind + "-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s files: %v", kind, err)
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What this package decodes must be what everyone else decodes, who use encoding/json.
func TestDecodeEngineConfigs(t *testing.T) {
	for _, file := range engineFiles(t, "config") {
		data := read(t, file)
		got, err := Decode(data)
		if err != nil {
			t.Errorf("%s: Decode: %v", file, err)
			continue
		}
		want := new(specs.Spec)
		if err := json.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: Decode = %+v, want %+v", file, got, want)
		}
	}
}

func TestDecodeEngineProcesses(t *testing.T) {
	for _, file := range engineFiles(t, "process") {
		data := read(t, file)
		got, _, err := DecodeProcess(data)
		if err != nil {
			t.Errorf("%s: DecodeProcess: %v", file, err)
			continue
		}
		want := new(specs.Process)
		if err := json.Unmarshal(data, want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: DecodeProcess = %+v, want %+v", file, got, want)
		}
		if err := ValidateProcess(got, Example()); err != nil {
			t.Errorf("%s: ValidateProcess: %v", file, err)
		}
	}
}

// Nothing that an engine writes may be refused.
func TestValidateEngineConfigs(t *testing.T) {
	for _, file := range engineFiles(t, "config") {
		s, err := Decode(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(s); err != nil {
			t.Errorf("%s: Validate: %v", file, err)
		}
		if w := Warnings(s); len(w) > 0 {
			t.Errorf("%s: Warnings = %q, want none", file, w)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := read(b, "testdata/engines/docker-config-1.json")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	s, err := Decode(read(b, "testdata/engines/docker-config-1.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Validate(s); err != nil {
			b.Fatal(err)
		}
	}
}
