package cgfile

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Holds tells what a file that now says text has of what the write put there, and whether that is what was
// written: in other words perhaps, and rounded as the kernel does it for pages of that size.
func (w Write) Holds(text string, page uint64) (now string, same bool) {
	now, _ = Before(w, text)
	now = strings.TrimSpace(now)
	if w.File == "cgroup.subtree_control" {
		return now, hands(w.Value, strings.Fields(now))
	}
	want, have := strings.Fields(w.Value), strings.Fields(now)
	if strings.Contains(w.File, "weight") {
		want, have = withoutDefault(want), withoutDefault(have)
	}
	if len(want) > len(have) || strings.HasSuffix(w.File, ".partition") && len(have) > len(want) {
		return now, false
	}
	unit := granule(w.File, page)
	for i, word := range want {
		if key, value, ok := strings.Cut(word, "="); ok {
			at := slices.IndexFunc(have, func(h string) bool { return strings.HasPrefix(h, key+"=") })
			if at < 0 || !sameValue(w.File, value, strings.TrimPrefix(have[at], key+"="), unit) {
				return now, false
			}
			continue
		}
		if !sameValue(w.File, word, have[i], unit) {
			return now, false
		}
	}
	return now, true
}

// hands tells whether the controllers that a cgroup hands down are those that "+memory -pids" asks for.
func hands(change string, have []string) bool {
	for word := range strings.FieldsSeq(change) {
		if slices.Contains(have, word[1:]) != (word[0] == '+') {
			return false
		}
	}
	return true
}

func withoutDefault(words []string) []string {
	if len(words) == 2 && words[0] == "default" {
		return words[1:]
	}
	return words
}

// granule is what the kernel counts a file's values in.
func granule(file string, page uint64) uint64 {
	switch {
	case file == "memory.swappiness", file == "memory.oom.group", file == "memory.oom_control":
		return 1
	case strings.HasPrefix(file, "memory."):
		return page
	}
	if rest, ok := strings.CutPrefix(file, "hugetlb."); ok {
		size, _, _ := strings.Cut(rest, ".")
		if n, ok := bytes(strings.TrimSuffix(size, "B")); ok && n > 0 {
			return n
		}
	}
	return 1
}

// sameValue compares a word that was written with what the kernel says.
func sameValue(file, want, have string, unit uint64) bool {
	if want == have {
		return true
	}
	if file == "cpus" || file == "mems" || strings.HasPrefix(file, "cpuset.cpus") || strings.HasPrefix(file, "cpuset.mems") {
		return slices.Equal(set(want), set(have))
	}
	a, ok1 := bytes(want)
	b, ok2 := bytes(have)
	return ok1 && ok2 && (a/unit == b/unit || unlimited(a, unit) && unlimited(b, unit))
}

// unlimited tells whether a number is as good as no limit: cgroup v1 shows the largest that it can count.
func unlimited(n, unit uint64) bool { return n >= math.MaxInt64/unit*unit }

// bytes is the number of a word such as 64, 64K, -1 or max.
func bytes(word string) (uint64, bool) {
	if n, ok := Number(word); ok {
		return n, true
	}
	if word == "" {
		return 0, false
	}
	shift := 10 * (1 + strings.IndexByte("KMGT", word[len(word)-1]&^0x20))
	n, err := strconv.ParseUint(word[:len(word)-1], 10, 64-shift)
	return n << shift, err == nil && shift > 0
}

// set are the numbers of a list such as 3,0-1, each once.
func set(list string) []uint16 {
	numbers := ParseList(list)
	slices.Sort(numbers)
	return slices.Compact(numbers)
}
