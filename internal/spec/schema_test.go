package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// schema reads the JSON schemas of the runtime-spec.
type schema struct {
	t     *testing.T
	dir   string
	files map[string]map[string]any
	found map[string]bool
}

// fields are the paths of all that a config.json for Linux can have: "[]" is an
// element of a list, "{}" a value of an object with free keys.
func fields(t *testing.T) []string {
	t.Helper()
	s := &schema{t: t, dir: filepath.Join(specDir(t), "schema"), files: map[string]map[string]any{}, found: map[string]bool{}}
	s.walk("config-schema.json", s.file("config-schema.json"), "")
	return slices.Sorted(maps.Keys(s.found))
}

func (s *schema) file(name string) map[string]any {
	s.t.Helper()
	if s.files[name] == nil {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			s.t.Fatal(err)
		}
		m := map[string]any{}
		if err := json.Unmarshal(data, &m); err != nil {
			s.t.Fatal(err)
		}
		s.files[name] = m
	}
	return s.files[name]
}

// others are the sections for other platforms.
var others = map[string]bool{"solaris": true, "windows": true, "vm": true, "zos": true, "freebsd": true}

func (s *schema) walk(file string, node map[string]any, path string) {
	s.t.Helper()
	if ref, ok := node["$ref"].(string); ok {
		name, place, _ := strings.Cut(ref, "#")
		if name == "" {
			name = file
		}
		target := s.file(name)
		for step := range strings.SplitSeq(strings.Trim(place, "/"), "/") {
			if step == "" {
				continue
			}
			next, ok := target[step].(map[string]any)
			if !ok {
				s.t.Fatalf("%s: no %s", file, ref)
			}
			target = next
		}
		s.walk(name, target, path)
	}
	for _, choice := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := node[choice].([]any)
		for _, n := range list {
			if m, ok := n.(map[string]any); ok {
				s.walk(file, m, path)
			}
		}
	}
	if items, ok := node["items"].(map[string]any); ok {
		s.walk(file, items, path+"[]")
	}
	if more, ok := node["additionalProperties"].(map[string]any); ok {
		s.walk(file, more, path+"{}")
	}
	if patterns, ok := node["patternProperties"].(map[string]any); ok {
		for _, n := range patterns {
			if m, ok := n.(map[string]any); ok {
				s.walk(file, m, path+"{}")
			}
		}
	}
	properties, _ := node["properties"].(map[string]any)
	for name, n := range properties {
		if path == "" && others[name] {
			continue
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		s.found[at] = true
		if m, ok := n.(map[string]any); ok {
			s.walk(file, m, at)
		}
	}
}

// A proof says of a field, and of all below it that have no proof of their own, how
// it is implemented and by which test that is seen.
type proof struct{ field, how, test string }

var proofs = []proof{
	{"ociVersion", "any 1.x version, with or without its last number, and pre-releases", "internal/spec TestValidateTop"},
	{"annotations", "kept, shown by state, given to hooks", "tests/lifecycle TestHooks"},
	{"domainname", "", "tests/lifecycle TestProcessBasics"},
	{"hostname", "", "tests/lifecycle TestProcessBasics"},
	{"hooks", "", "tests/lifecycle TestHooks"},
	{"hooks.poststop", "a failing one is a warning, the others run", "tests/lifecycle TestHookFailures"},
	{"hooks.poststart", "a failing one ends the container, and start fails", "tests/lifecycle TestHookFailures"},
	{"linux", "", "internal/spec TestDecodeEveryField"},
	{"linux.cgroupsPath", "", "tests/lifecycle TestCgroupPath"},
	{"linux.devices", "a node that exists must be the same", "tests/lifecycle TestDevices"},
	{"linux.gidMappings", "", "tests/lifecycle TestUserNamespace"},
	{"linux.uidMappings", "", "tests/lifecycle TestUserNamespace"},
	{"linux.intelRdt", "no machine here has resctrl: on a fake tree, and with cgroup v1 in its place", "tests/faults TestIntelRdt"},
	{"linux.intelRdt.closID", "", "internal/resctrl TestGroup"},
	{"linux.intelRdt.enableMonitoring", "", "tests/faults TestIntelRdtMonitoring"},
	{"linux.intelRdt.l3CacheSchema", "on a fake tree", "internal/resctrl TestGroup"},
	{"linux.intelRdt.memBwSchema", "on a fake tree", "internal/resctrl TestGroup"},
	{"linux.intelRdt.schemata", "on a fake tree", "internal/resctrl TestGroup"},
	{"linux.maskedPaths", "", "tests/lifecycle TestMaskedPaths"},
	{"linux.readonlyPaths", "", "tests/lifecycle TestReadonlyPaths"},
	{"linux.memoryPolicy", "", "tests/lifecycle TestMemoryPolicy"},
	{"linux.mountLabel", "no machine here has SELinux: what is written and given to mounts is compared", "internal/plan TestLabelsWritten"},
	{"linux.namespaces", "all eight types: new, inherited, joined", "tests/lifecycle TestNewNamespaces"},
	{"linux.netDevices", "", "tests/lifecycle TestNetDevices"},
	{"linux.personality", "", "tests/lifecycle TestPersonality"},
	{"linux.resources", "", "tests/lifecycle TestAllLimits"},
	{"linux.resources.blockIO", "v1 and v2 (io.weight, io.bfq.weight, io.max)", "cgroups/v1 TestWrites"},
	{"linux.resources.cpu", "", "tests/lifecycle TestAllLimits"},
	{"linux.resources.devices", "v1 lists, v2 a program", "tests/security TestDevicesAreDenied"},
	{"linux.resources.hugepageLimits", "", "cgroups/v1 TestWrites"},
	{"linux.resources.memory", "", "tests/lifecycle TestAllLimits"},
	{"linux.resources.memory.kernel", "ignored with a warning: Linux has no such limit any more", "tests/lifecycle TestKernelMemoryIgnored"},
	{"linux.resources.memory.kernelTCP", "ignored with a warning", "tests/lifecycle TestKernelMemoryIgnored"},
	{"linux.resources.memory.checkBeforeUpdate", "", "cgroups/choose TestSetBelowUsage"},
	{"linux.resources.network", "v1; ignored on v2, which has nothing like it, with a warning", "cgroups/v1 TestWrites"},
	{"linux.resources.pids", "", "tests/lifecycle TestPidsLimitHolds"},
	{"linux.resources.rdma", "", "cgroups/v1 TestWrites"},
	{"linux.resources.unified", "", "cgroups/choose TestUnified"},
	{"linux.rootfsPropagation", "", "tests/lifecycle TestRootPropagation"},
	{"linux.seccomp", "", "tests/seccomp TestActions"},
	{"linux.seccomp.listenerPath", "", "tests/seccomp TestNotify"},
	{"linux.seccomp.listenerMetadata", "", "tests/seccomp TestNotify"},
	{"linux.sysctl", "those of the container's own namespaces", "tests/security TestSysctls"},
	{"linux.timeOffsets", "", "tests/lifecycle TestTimeOffsets"},
	{"mounts", "", "tests/lifecycle TestMounts"},
	{"mounts[].options", "of a bind and a remount: adr/0019", "tests/lifecycle TestBindFlags"},
	{"mounts[].source", "in the root filesystem: as earlier mounts have left it", "tests/lifecycle TestBindFromRoot"},
	{"mounts[].gidMappings", "", "tests/lifecycle TestIDMap"},
	{"mounts[].uidMappings", "", "tests/lifecycle TestIDMap"},
	{"process", "without it create works and start fails", "tests/lifecycle TestNoProcess"},
	{"process.apparmorProfile", "in the virtual machine, which has AppArmor", "tests/security TestAppArmor"},
	{"process.selinuxLabel", "no machine here has SELinux: what is written is compared", "internal/plan TestLabelsWritten"},
	{"process.args", "", "tests/lifecycle TestProcessBasics"},
	{"process.capabilities", "", "tests/lifecycle TestCapabilities"},
	{"process.commandLine", "for Windows: not read", "internal/spec TestDecodeLenient"},
	{"process.consoleSize", "", "tests/lifecycle TestConsoleSocket"},
	{"process.terminal", "", "tests/lifecycle TestConsoleSocket"},
	{"process.cwd", "", "tests/lifecycle TestCwd"},
	{"process.env", "", "tests/lifecycle TestProcessBasics"},
	{"process.execCPUAffinity", "", "tests/lifecycle TestExecCPUAffinity"},
	{"process.ioPriority", "", "tests/lifecycle TestScheduler"},
	{"process.scheduler", "", "tests/lifecycle TestScheduler"},
	{"process.noNewPrivileges", "", "tests/lifecycle TestNoNewPrivileges"},
	{"process.oomScoreAdj", "", "tests/lifecycle TestOOMScoreAdj"},
	{"process.rlimits", "a type listed twice is an error", "tests/lifecycle TestRlimits"},
	{"process.user", "", "tests/lifecycle TestUser"},
	{"process.user.umask", "0022 unless it is given, as with runc", "tests/lifecycle TestUser"},
	{"process.user.username", "for Windows: not read", "internal/spec TestDecodeLenient"},
	{"root", "", "tests/lifecycle TestReadonlyRoot"},
	{"root.path", "", "internal/spec TestLoadPaths"},
	{"root.readonly", "", "tests/lifecycle TestReadonlyRoot"},
}

// deviations are where practice or the versions of the specification part, and
// what rung does.
var deviations = []proof{
	{"no umask", "0022, as with runc and crun; the specification has it inherited", "tests/lifecycle TestProcessBasics"},
	{"no process", "create works and start fails, as the specification says", "tests/lifecycle TestNoProcess"},
	{"unknown capability", "a warning, as 1.3 says; 1.0 and its suite wanted an error", "internal/plan TestCapabilityWarnings"},
	{"poststart hook that fails", "start fails and the container ends, as 1.3 says; the suite of 1.0 wants a warning", "tests/lifecycle TestHookFailures"},
	{"`bind` by the type alone", "an error that says which option is needed; peers fail with \"no such device\"", "internal/spec TestValidateMounts"},
	{"config.json changed after create", "exec uses the one that create read", "tests/lifecycle TestExecSnapshot"},
	{"rlimit listed twice", "an error", "internal/spec TestValidateProcess"},
	{"a node that isn't the device", "an error", "tests/lifecycle TestDeviceMismatch"},
	{"`ociVersion`", "1.x, with or without a third number, and pre-releases of it", "internal/spec TestValidateTop"},
	{"a cgroup that has processes", "an error at create", "cgroups/choose TestCreateRefusesUsedCgroup"},
	{"a cgroup that is frozen", "an error at create", "cgroups/choose TestCreateRefusesFrozenCgroup"},
}

// proven finds the proof of a field: its own or that of what it is part of.
func proven(field string) *proof {
	for {
		for i := range proofs {
			if proofs[i].field == field {
				return &proofs[i]
			}
		}
		i := strings.LastIndexAny(field, ".[{")
		if i < 0 {
			return nil
		}
		field = field[:i]
	}
}

const specTable = "../../docs/spec.md"

const specIntro = `# The runtime-spec, field by field

Every field of config.json that version 1.3 of the runtime-spec has for Linux, and
the test that shows what rung does with it. All are implemented. The table is
written by RUNG_WRITE=1 go test -run TestSpecTable ./internal/spec; without it
the test fails when the schema has a field that the table lacks, or when a test
isn't there.

| field | test | remarks |
|---|---|---|
`

// The table has every field of the schema, each with a test that exists.
func TestSpecTable(t *testing.T) {
	var b strings.Builder
	b.WriteString(specIntro)
	for _, f := range fields(t) {
		p := proven(f)
		if p == nil {
			t.Errorf("%s: no test shows that it is implemented", f)
			continue
		}
		how := ""
		if p.how != "" && p.field == f {
			how = p.how
		}
		b.WriteString("| `" + f + "` | " + p.test + " | " + how + " |\n")
	}
	b.WriteString("\n## Where practice and the specification part\n\n| point | test | rung |\n|---|---|---|\n")
	for _, d := range deviations {
		b.WriteString("| " + d.field + " | " + d.test + " | " + d.how + " |\n")
	}
	for _, p := range append(deviations, proofs...) {
		dir, name, _ := strings.Cut(p.test, " ")
		files, _ := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
		if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(string(read(t, f)), "\nfunc "+name+"(") }) {
			t.Errorf("%s: there is no %s in %s", p.field, name, dir)
		}
	}
	if os.Getenv("RUNG_WRITE") != "" {
		if err := os.WriteFile(specTable, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, specTable)) != b.String() {
		t.Errorf("%s is not what the schema and this test say: write it with RUNG_WRITE=1", specTable)
	}
}

// What the schemas of the runtime-spec have to refuse is refused.
func TestUpstreamBad(t *testing.T) {
	for _, file := range upstream(t, "bad") {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "freebsd-") {
			continue // of a section that is not read on Linux
		}
		s, err := Decode(read(t, file))
		if err == nil {
			err = Validate(s)
		}
		if err == nil {
			t.Errorf("%s: taken, want an error", name)
			continue
		}
		t.Logf("%s: %v", name, err)
	}
}

// The examples in the text of the runtime-spec are taken, each in the place that
// it is an example of.
func TestSpecExamples(t *testing.T) {
	dir := specDir(t)
	all := 0
	for _, doc := range []string{"config.md", "config-linux.md"} {
		blocks := 0
		text := string(read(t, filepath.Join(dir, doc)))
		for {
			_, rest, ok := strings.Cut(text, "```json\n")
			if !ok {
				break
			}
			block, after, _ := strings.Cut(rest, "\n```")
			text = after
			blocks++
			all++
			name := fmt.Sprintf("%s %d", doc, blocks)
			err := snippet(t, doc, block)
			if want := wrongExamples[name]; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %v, want %q: %s", name, err, want, block)
			}
		}
	}
	if all < 30 {
		t.Errorf("only %d examples seen", all)
	}
}

// wrongExamples are those that aren't for Linux, or wrong.
var wrongExamples = map[string]string{
	"config.md 1":        "version 0.1.0 is not supported",                         // older than what any runtime takes
	"config.md 4":        "mounts[0].type: required",                               // for Windows
	"config.md 9":        "not JSON",                                               // a comma too many; for Solaris
	"config-linux.md 1":  "linux.uidMappings: a new user namespace needs at least", // a part; the next one has them
	"config-linux.md 16": "not JSON",                                               // a comma too few
}

// snippet puts an example into a configuration, and checks that.
func snippet(t *testing.T, doc, text string) error {
	t.Helper()
	text = strings.TrimSuffix(strings.TrimSpace(text), ",")
	if !strings.HasPrefix(text, "{") {
		text = "{" + text + "}"
	}
	part := map[string]any{}
	if err := json.Unmarshal([]byte(text), &part); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	whole := map[string]any{}
	if err := json.Unmarshal([]byte(example1), &whole); err != nil {
		t.Fatal(err)
	}
	place := whole
	_, linux := part["linux"]
	_, top := part["ociVersion"]
	if doc == "config-linux.md" && !linux && !top {
		place = whole["linux"].(map[string]any)
		for key := range part {
			if _, rule := part["devices"]; resourceKeys[key] || rule && strings.Contains(text, "allow") {
				place = place["resources"].(map[string]any)
				break
			}
		}
	}
	maps.Copy(place, part)
	data, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(data)
	if err != nil {
		return err
	}
	return Validate(s)
}

var resourceKeys = map[string]bool{"memory": true, "cpu": true, "blockIO": true, "hugepageLimits": true, "network": true, "pids": true, "rdma": true, "unified": true}

// example1 is what examples are put into.
const example1 = `{
	"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"args": ["sh"], "cwd": "/"},
	"linux": {"resources": {}, "namespaces": [{"type": "mount"}, {"type": "network"}, {"type": "uts"}, {"type": "ipc"}, {"type": "pid"}]}
}`
