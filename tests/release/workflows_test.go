package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// workflows are the texts of GitHub's workflows by their names. Nobody runs them here: what is looked at is what has been wrong.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(names) < 4 {
		t.Fatalf("%d workflows, %v", len(names), err)
	}
	all := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = string(text)
	}
	return all
}

// A number that is taken of the date has no zeros before it, by which it would be octal, or none at all: 008.
func TestDates(t *testing.T) {
	found := 0
	for name, text := range workflows(t) {
		for _, m := range regexp.MustCompile(`\$\(date (\+[^)]*)\)`).FindAllStringSubmatch(text, -1) {
			found++
			out, err := exec.Command("date", "-d", "2027-01-08", m[1]).Output()
			if err != nil || regexp.MustCompile(`^0.`).MatchString(strings.TrimSpace(string(out))) {
				t.Errorf("%s: %s is %q on the 8th of January, %v", name, m[0], out, err)
			}
		}
	}
	if found == 0 {
		t.Error("no date is looked at: the test has nothing to find")
	}
}

// Each job has a limit: without one a hang is GitHub's to end, after six hours.
func TestTimeouts(t *testing.T) {
	for name, text := range workflows(t) {
		_, jobs, _ := strings.Cut(text, "\njobs:\n")
		starts := regexp.MustCompile(`(?m)^  ([\w-]+):\n`).FindAllStringSubmatchIndex(jobs, -1)
		if len(starts) == 0 {
			t.Errorf("%s has no jobs", name)
		}
		for i, at := range starts {
			end := len(jobs)
			if i+1 < len(starts) {
				end = starts[i+1][0]
			}
			if !regexp.MustCompile(`(?m)^    timeout-minutes: [1-9]\d*$`).MatchString(jobs[at[0]:end]) {
				t.Errorf("%s: the job %s has no timeout-minutes", name, jobs[at[2]:at[3]])
			}
		}
	}
}
