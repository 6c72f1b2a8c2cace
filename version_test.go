package main

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

func TestNoted(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef01234567"
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: hash}, {Key: "vcs.modified", Value: modified}}
	}
	for _, c := range []struct {
		version           string
		settings          []debug.BuildSetting
		wantVersion, want string
	}{
		{"v0.1.0", nil, "0.1.0", ""},
		{"(devel)", nil, unreleased, ""},
		{"", vcs("false"), unreleased, hash},
		{"v0.0.0-20261130120000-0123456789ab", vcs("false"), unreleased, hash},
		{"v0.2.1-0.20261130120000-0123456789ab+dirty", vcs("true"), "0.2.1-0.20261130120000-0123456789ab+dirty", hash + "-dirty"},
	} {
		version, commit := noted(&debug.BuildInfo{Main: debug.Module{Version: c.version}, Settings: c.settings})
		if version != c.wantVersion || commit != c.want {
			t.Errorf("noted(%q) = %q, %q, want %q, %q", c.version, version, commit, c.wantVersion, c.want)
		}
	}
}

func TestUnreleased(t *testing.T) {
	text, err := os.ReadFile("VERSION")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(text)) + "-dev"; unreleased != want {
		t.Errorf("unreleased is %q, want %q", unreleased, want)
	}
}
