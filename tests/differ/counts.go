package differ

import (
	"fmt"
	"maps"
	"slices"
)

// sortedCounts lists what was counted, most frequent first.
func sortedCounts(counts map[string]int) (list []string) {
	keys := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(keys, func(a, b string) int { return counts[b] - counts[a] })
	for _, k := range keys {
		list = append(list, fmt.Sprintf("%5d %s", counts[k], k))
	}
	return list
}
