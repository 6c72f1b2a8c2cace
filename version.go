package main

import (
	"runtime/debug"
	"strings"
)

// unreleased is the version of a build that knows none.
const unreleased = "0.1.0-dev"

// built is the version and the commit: what the linker was told, or else what go has noted of a module, as go install
// has it, or of a clone.
func built() (string, string) {
	if version != "" {
		return version, commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unreleased, ""
	}
	return noted(info)
}

func noted(info *debug.BuildInfo) (version, commit string) {
	version = strings.TrimPrefix(info.Main.Version, "v")
	if version == "" || version == "(devel)" || strings.HasPrefix(version, "0.0.0-") { // a clone without a release in it
		version = unreleased
	}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if modified && commit != "" {
		commit += "-dirty"
	}
	return version, commit
}
