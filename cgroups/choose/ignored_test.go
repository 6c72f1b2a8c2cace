package choose

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

func TestIgnored(t *testing.T) {
	dir := func(files ...string) string {
		d := t.TempDir()
		for _, file := range files {
			name, text, _ := strings.Cut(file, "=")
			if err := os.WriteFile(d+"/"+name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	plain, full := dir(), dir("cpu.max", "io.bfq.weight", "cgroup.controllers=cpu io\n")
	const onlyV1 = `{"memory":{"swappiness":5,"disableOOMKiller":true},"cpu":{"realtimeRuntime":1,"realtimePeriod":2},"blockIO":{"leafWeight":100},` +
		`"network":{"classID":1,"priorities":[{"name":"lo","priority":1}]}}`
	const nothing, noCPU = ": ignored, cgroup v2 has nothing like it", "cpu.period: ignored, there is no cpu controller, and without a quota it has no effect"
	for _, c := range []struct {
		loc  cgroups.Location
		in   string
		want []string
	}{
		{cgroups.Location{"": full}, `null`, nil},
		{cgroups.Location{"": full}, `{"memory":{"disableOOMKiller":false},"cpu":{"quota":5000,"period":10000},"blockIO":{"weight":100}}`, nil},
		{cgroups.Location{"": full}, onlyV1, []string{
			"memory.swappiness" + nothing, "memory.disableOOMKiller" + nothing, "cpu.realtimeRuntime" + nothing, "cpu.realtimePeriod" + nothing,
			"blockIO.leafWeight" + nothing, "network.classID" + nothing, "network.priorities" + nothing,
		}},
		{cgroups.Location{"": plain, "memory": plain}, onlyV1, nil}, // had or an error
		{cgroups.Location{"": full}, `{"blockIO":{"weightDevice":[{"major":8,"weight":100}]}}`, nil},
		{cgroups.Location{"": plain}, `{"blockIO":{"weightDevice":[{"major":8,"weight":100}]}}`, []string{
			"blockIO.weightDevice[0].weight: ignored, only the BFQ scheduler has weights of devices",
		}},
		{cgroups.Location{"": full}, `{"cpu":{"period":50000}}`, nil},
		{cgroups.Location{"": plain}, `{"cpu":{"period":50000}}`, []string{noCPU}},
		{cgroups.Location{"": plain}, `{"cpu":{"period":50000,"quota":-1}}`, []string{noCPU}},
		{cgroups.Location{"": plain}, `{"cpu":{"quota":-1}}`, nil},
		{cgroups.Location{"cpu": dir("cpu.cfs_period_us")}, `{"cpu":{"period":50000}}`, nil},
		{cgroups.Location{"pids": plain}, `{"cpu":{"period":50000}}`, []string{noCPU}},
		{cgroups.Location{"": full, "pids": plain}, `{"cpu":{"period":50000}}`, nil},
		{cgroups.Location{"": plain, "pids": plain}, `{"cpu":{"period":50000}}`, []string{noCPU}},
		{cgroups.Location{}, `{"cpu":{"period":50000}}`, []string{noCPU}},
	} {
		var r *specs.LinuxResources
		if err := json.Unmarshal([]byte(c.in), &r); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range Ignored(c.loc, r) {
			got = append(got, strings.TrimPrefix(line, "linux.resources."))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Ignored(%v, %s) =\n\t%q, want\n\t%q", c.loc, c.in, got, c.want)
		}
	}
}
