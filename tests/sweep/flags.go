package sweep

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rung-oci/rung/tests/harness"
)

var (
	whole  = flag.Bool("whole", false, "all faults, not some by chance")
	sample = flag.Int("sample", 0, "so many faults of each kind and verb, by chance, instead of all")
	seed   = harness.Seed("seed", 1, "of the chance")
	budget = flag.Duration("budget", 15*time.Second, "how long it may take to try some by chance")
	only   = flag.String("verb", "", "some `verbs` alone, with commas")
	bundle = flag.String("kind", "", "some `kinds` of bundles alone, with commas")
	shard  = flag.String("shard", "", "`i/n`: every n-th fault alone, from the i-th on; several may run at once")
	which  = flag.String("fault", "", "faults alone whose words match a `regexp`: to see one again")
	every  = flag.Int("every", 25, "how many faults are tried between two looks at all of the host: a look at what the container had follows each")
)

// flagsEnv has flags for where none can be given, as in the virtual machine: sample=3:kind=systemd.
const flagsEnv = "RUNG_SWEEP"

func moreFlags() error {
	for pair := range strings.FieldsFuncSeq(os.Getenv(flagsEnv), func(r rune) bool { return r == ':' }) {
		name, value, _ := strings.Cut(pair, "=")
		if err := flag.Set(name, value); err != nil {
			return fmt.Errorf("%s: %s: %w", flagsEnv, pair, err)
		}
	}
	return nil
}

// chosen tells whether a name is in a list that a flag has, or that is empty.
func chosen(list, name string) bool {
	return list == "" || strings.Contains(","+list+",", ","+name+",")
}

// choose takes those faults that are of this shard, and match.
func choose(all []fault, words string) ([]fault, error) {
	i, n := 0, 1
	if *shard != "" {
		if _, err := fmt.Sscanf(*shard, "%d/%d", &i, &n); err != nil || i < 1 || i > n {
			return nil, fmt.Errorf("shard %q: want i/n, i from 1 to n", *shard)
		}
		i--
	}
	match, err := regexp.Compile(words)
	if err != nil {
		return nil, err
	}
	var list []fault
	for at, f := range all {
		if at%n == i && match.MatchString(f.String()) {
			list = append(list, f)
		}
	}
	return list, nil
}
