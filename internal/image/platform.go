package image

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// A Platform is what an image's programs run on, in the words of GOOS and GOARCH.
type Platform struct{ OS, Architecture, Variant string }

// Native is this machine's.
func Native() Platform { return Platform{OS: "linux", Architecture: runtime.GOARCH} }

// String is how platforms are written.
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// variants are those that every machine of an architecture runs, or most for arm: the best first.
// The baseline has no word or its own. The others have none.
func variants(architecture string) []string {
	switch architecture {
	case "amd64":
		return []string{"", "v1"}
	case "arm64":
		return []string{"v8", ""}
	case "arm":
		return []string{"v7", "", "v6", "v5"}
	}
	return nil
}

// unsaid is the rank of a manifest of which nobody says what it is for: then its configuration has to.
const unsaid = 10

// rank is how good a manifest for a platform is for another, 0 the best; -1: it isn't for that.
func (p Platform) rank(of *Platform) int {
	if of == nil {
		return unsaid
	}
	if of.OS != p.OS || of.Architecture != p.Architecture {
		return -1
	}
	if list := variants(p.Architecture); list != nil {
		return slices.Index(list, of.Variant)
	}
	return 0
}

// choose takes the manifest that is the best for a platform.
func choose(list []descriptor, p Platform) (best descriptor, err error) {
	top := -1
	var names, platforms []string
	for _, d := range list {
		rank := p.rank(d.platform)
		switch {
		case rank < 0:
			platforms = append(platforms, d.platform.String())
			continue
		case top < 0 || rank < top:
			top, best, names = rank, d, []string{d.shown()}
		case rank == top && d.digest != best.digest:
			names = append(names, d.shown())
		}
	}
	switch {
	case top < 0 && len(platforms) > 0:
		return best, fmt.Errorf("no image for %s%s", p, has(platforms))
	case top < 0:
		return best, errors.New("it has no image")
	case len(names) > 1:
		return best, fmt.Errorf("several images for %s: add a colon and the name of one of them; it has %s", p, some(names))
	}
	return best, nil
}

// shown is what a descriptor is called in an error.
func (d *descriptor) shown() string {
	if d.name != "" {
		return d.name
	}
	return d.digest
}
