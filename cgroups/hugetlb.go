package cgroups

import (
	"strings"

	"github.com/rung-oci/rung/cgroups/cgfile"
)

// HugetlbOf reads the use of huge pages from the files hugetlb.SIZE.USAGE of a
// cgroup: of what is reserved where the kernel counts that (Linux 5.7). Max and
// failures are the last parts of the names of their files; a file of failures
// with lines has them under "max".
func HugetlbOf(d cgfile.Dir, usage, max, failures string) (map[string]HugetlbStats, error) {
	sizes, err := pageSizes(d, usage)
	if err != nil || len(sizes) == 0 {
		return nil, cgfile.UnlessGone(err)
	}
	all := make(map[string]HugetlbStats, len(sizes))
	for _, size := range sizes {
		var s HugetlbStats
		base := "hugetlb." + size + "."
		failed := base + failures
		if n, ok := d.Number(base + "rsvd." + usage); ok {
			s.Usage = n
			base += "rsvd."
		} else {
			s.Usage, _ = d.Number(base + usage)
		}
		if max != "" {
			s.Max, _ = d.Number(base + max)
			s.Failures, _ = d.Number(base + failures)
		} else if events, err := d.Flat(failed); err == nil {
			s.Failures = events["max"]
		}
		all[size] = s
	}
	return all, nil
}

// pageSizes finds the sizes of pages by the names of files.
func pageSizes(d cgfile.Dir, usage string) (sizes []string, err error) {
	names, err := d.Files()
	for _, name := range names {
		size, ok := strings.CutPrefix(name, "hugetlb.")
		if size, ok2 := strings.CutSuffix(size, "."+usage); ok && ok2 && !strings.Contains(size, ".") {
			sizes = append(sizes, size)
		}
	}
	return sizes, err
}
