package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Nothing that a caller's environment or Go's settings have reaches go build but where things are.
func TestEnvironment(t *testing.T) {
	plain := environment([]string{"PATH=/bin"}, nil, "go1.2.3")
	for name, c := range map[string]struct {
		caller   string
		settings map[string]string
		more     string // the part that is passed on
	}{
		"processors": {caller: "GOAMD64=v3 GOARM=5 GO386=softfloat GOPPC64=power10 GORISCV64=rva23u64 GOARM64=v9.0 GOMIPS=softfloat"},
		"targets":    {caller: "GOOS=plan9 GOARCH=arm64"},
		"compiler":   {caller: "GOEXPERIMENT=rangefunc GOFIPS140=latest CGO_ENABLED=1 CC=cc CGO_CFLAGS=-O3 GODEBUG=x=1 GO_GCFLAGS=-N GOROOT=/x GOTOOLCHAIN=local"},
		"make":       {caller: "MAKEFLAGS=VERSION=9 MAKEOVERRIDES=VERSION=9 MFLAGS=-e MAKEFILES=/x MAKELEVEL=1 VERSION=9.9.9 COMMIT=x TAGS=x OUT=x GNUMAKEFLAGS=-e"},
		"places":     {caller: "GOWORK=/x/go.work GOENV=/x GIT_DIR=/x/.git GIT_WORK_TREE=/x PWD=/x"},
		"host":       {caller: "TZ=Asia/Kolkata LC_ALL=de_DE.UTF-8 LANG=de_DE LANGUAGE=de SOURCE_DATE_EPOCH=1"},
		"flags": {
			caller: "GOFLAGS=-race", settings: map[string]string{"GOFLAGS": "-tags=x -ldflags=-w -mod=mod -trimpath=false -toolexec=x -modcacherw -p=1 -overlay=x"},
			more: "GOFLAGS=-buildvcs=false -modcacherw -p=1",
		},
		"network": {caller: "https_proxy=http://a SSL_CERT_FILE=/c", more: "https_proxy=http://a SSL_CERT_FILE=/c"},
		"modules": {
			caller:   "GOPROXY=the-file-has-another",
			settings: map[string]string{"GOPROXY": "off", "GONOSUMDB": "a", "GOCACHE": "/c", "GOMODCACHE": "/m", "GOAMD64": "v3", "GOEXPERIMENT": "x", "GOPRIVATE": ""},
			more:     "GOCACHE=/c GOMODCACHE=/m GONOSUMDB=a GOPROXY=off",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := environment(append(strings.Fields(c.caller), "PATH=/bin"), c.settings, "go1.2.3")
			more := slices.DeleteFunc(slices.Clone(got), func(v string) bool { return slices.Contains(plain, v) })
			want := strings.Fields(c.more)
			if strings.HasPrefix(c.more, "GOFLAGS=") {
				want = []string{c.more}
			}
			slices.Sort(more)
			slices.Sort(want)
			if !slices.Equal(more, want) {
				t.Errorf("%q is passed on, want %q", more, want)
			}
			if n, m := len(names(got)), len(names(plain))+len(want); n != m && name != "flags" {
				t.Errorf("%d variables, want %d", n, m)
			}
		})
	}
	for _, v := range []string{"PATH=/bin", "GOAMD64=v1", "GOTOOLCHAIN=go1.2.3", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0", "GOENV=off"} {
		if !slices.Contains(plain, v) {
			t.Errorf("no %s in %q", v, plain)
		}
	}
}

// names are those of an environment's variables.
func names(env []string) []string {
	all := map[string]bool{}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		all[name] = true
	}
	return slices.Collect(maps.Keys(all))
}

func TestToolchain(t *testing.T) {
	if v, err := toolchainOf("module x\n\ngo 1.26.0\n\ntoolchain go1.26.8\n"); v != "go1.26.8" || err != nil {
		t.Error(v, err)
	}
	if _, err := toolchainOf("module x\n"); err == nil {
		t.Error("taken without")
	}
}
