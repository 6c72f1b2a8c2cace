package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// kept are the variables of the caller's that say where programs are and how the network is reached, not what is made.
// What isn't here isn't passed on: not make's words of the outer make (MAKEFLAGS, and VERSION=… in them), not Go's.
var kept = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "GOTMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "GO",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO",
}

// origins are the settings of Go that say where modules come from and where they are kept. They are taken from go env, which
// knows them from the environment or from its file, so that nothing else need be taken from that file.
var origins = []string{
	"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOVCS", "GOAUTH", "GOPATH", "GOCACHE", "GOMODCACHE",
}

// fixed is what the binaries are made for: the oldest processors of each architecture that are Go's defaults. GOEXPERIMENT
// is none since it isn't there, in the environment or, with GOENV=off, in a file.
var fixed = []string{
	"GOENV=off", "GOWORK=off", "GOFIPS140=off", "CGO_ENABLED=0", "LC_ALL=C", "TZ=UTC",
	"GOAMD64=v1", "GOARM=7", "GO386=sse2", "GOPPC64=power8", "GORISCV64=rva20u64", "GOARM64=v8.0",
}

// environment is that of everything that builds: of a caller's environment, and of what go env says, only what can't change a byte.
func environment(caller []string, settings map[string]string, toolchain string) []string {
	var env []string
	for _, v := range caller {
		if name, _, _ := strings.Cut(v, "="); slices.Contains(kept, name) {
			env = append(env, v)
		}
	}
	for _, name := range origins {
		if settings[name] != "" {
			env = append(env, name+"="+settings[name])
		}
	}
	flags := []string{"-buildvcs=false"}
	for f := range strings.FieldsSeq(settings["GOFLAGS"]) {
		if f == "-modcacherw" || strings.HasPrefix(f, "-p=") {
			flags = append(flags, f)
		}
	}
	return append(append(env, fixed...), "GOFLAGS="+strings.Join(flags, " "), "GOTOOLCHAIN="+toolchain)
}

// buildEnvironment is the environment of this process's children.
func buildEnvironment(root string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	toolchain, err := toolchainOf(string(text))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(goProgram(), append([]string{"env", "-json", "GOFLAGS"}, origins...)...)
	cmd.Dir = root
	out, err := output(cmd)
	if err != nil {
		return nil, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	return environment(os.Environ(), settings, toolchain), nil
}

// goProgram is Go's, which the Makefile calls GO too.
func goProgram() string {
	if name := os.Getenv("GO"); name != "" {
		return name
	}
	return "go"
}

var toolchainLine = regexp.MustCompile(`(?m)^toolchain +(\S+)`)

// toolchainOf is the version of Go that a go.mod names: another one makes other bytes.
func toolchainOf(mod string) (string, error) {
	m := toolchainLine.FindStringSubmatch(mod)
	if m == nil {
		return "", fmt.Errorf("go.mod: no toolchain line, which says by which Go everybody makes the same")
	}
	return m[1], nil
}

// output is what a program writes; its error has what the program complained of.
func output(cmd *exec.Cmd) ([]byte, error) {
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.Join(strings.Fields(complaint.String()), " "))
	}
	return out, err
}
