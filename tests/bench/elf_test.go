package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestPrograms(t *testing.T) {
	for _, p := range []struct {
		name string
		code map[string][]byte
		ends bool
	}{{"true", trueCode, true}, {"pause", pauseCode, false}} {
		data, err := program(p.code)
		if err != nil {
			t.Skip(err)
		}
		file := filepath.Join(t.TempDir(), p.name)
		if err := os.WriteFile(file, data, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(file)
		if err := cmd.Start(); err != nil {
			t.Fatalf("start %s: %v", p.name, err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil || !p.ends {
				t.Errorf("%s ended with %v, want an end with 0: %t", p.name, err, p.ends)
			}
		case <-time.After(300 * time.Millisecond):
			if p.ends {
				t.Errorf("%s didn't end", p.name)
			}
			cmd.Process.Kill()
			if <-done; cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("%s ended with %v, want a kill", p.name, cmd.ProcessState)
			}
		}
	}
}
