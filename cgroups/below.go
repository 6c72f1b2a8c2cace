package cgroups

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Below returns the location below l that the words ask for: each is a path, for
// every hierarchy, or "controller[,controller…]:path". Hierarchies that no word
// names stay. The texts of errors are runc's.
func (l Location) Below(words []string) (Location, error) {
	paths, err := subPaths(words)
	if err != nil {
		return nil, err
	}
	if len(l) == 0 && len(paths) > 0 {
		return nil, errors.New("the container has no cgroup to be below of")
	}
	below := maps.Clone(l)
	for _, key := range slices.Sorted(maps.Keys(paths)) {
		sub := paths[key]
		if slices.Contains(strings.Split(sub, "/"), "..") {
			return nil, fmt.Errorf("%s is not a sub cgroup path", sub)
		}
		dir, ok := l[key]
		if key != "" && !ok {
			return nil, fmt.Errorf("unknown controller %s in SubCgroupPaths", key)
		}
		for k, d := range l {
			if key != "" && d != dir { // controllers of one hierarchy go together
				continue
			}
			to := path.Join(d, sub)
			if below[k] != d && below[k] != to {
				return nil, fmt.Errorf("invalid --cgroup argument(s): %s shares a hierarchy with %s", key, k)
			}
			below[k] = to
		}
	}
	return below, nil
}

// subPaths are the words' paths by controller, "" for all.
func subPaths(words []string) (map[string]string, error) {
	paths := make(map[string]string)
	for _, w := range words {
		list, sub, ok := strings.Cut(w, ":")
		if !ok {
			if len(words) != 1 {
				return nil, fmt.Errorf("invalid --cgroup argument: %s (missing <controller>: prefix)", w)
			}
			paths[""] = w
			continue
		}
		for key := range strings.SplitSeq(list, ",") {
			if key == "" {
				return nil, fmt.Errorf("invalid --cgroup argument: %s (empty controller)", w)
			}
			if _, twice := paths[key]; twice {
				return nil, fmt.Errorf("invalid --cgroup argument(s): controller %s specified multiple times", key)
			}
			paths[key] = sub
		}
	}
	return paths, nil
}
