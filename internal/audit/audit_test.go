package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// plain has nothing to be said about, in lines whose numbers the tests know.
const plain = `{
"ociVersion": "1.2.0",
"root": {"path": "rootfs"},
"hostname": "h",
"process": {"args": ["sh"], "cwd": "/", "capabilities": {}, "noNewPrivileges": true},
"mounts": [
{"destination": "/proc", "type": "proc"}
],
"linux": {
"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "mount"}, {"type": "uts"}],
"resources": {},
"maskedPaths": ["/proc/kcore"],
"readonlyPaths": ["/proc/sys"],
"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}
}
}`

func TestConfig(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		// Errors.
		{`"cwd": "/"`, `"cwd": "x"`, `5:36 error process.cwd config.md#process`},
		{`"cwd": "/"`, `"cwd": 5`, `5:36 error process.cwd config.md#process`},
		{`"ociVersion": "1.2.0"`, `"ociVersion": "2.0.0"`, `2:15 error ociVersion config.md#specification-version`},
		{`"root": {"path": "rootfs"},`, ``, `1:1 error root config.md#root`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x"}`, `8:1 error mounts[1].type config.md#mounts`},
		{`{"type": "pid"}`, `{"type": "pid"}, {"type": "pid"}`, `10:42 error linux.namespaces[1].type config-linux.md#namespaces`},
		{`"resources": {}`, `"resources": {"memory": {"limit": -5}}`, `11:35 error linux.resources.memory.limit config-linux.md#memory`},
		{`"resources": {}`, `"sysctl": {"kernel.panic": "1"}`, `11:28 error linux.sysctl["kernel.panic"] config-linux.md#sysctl`},
		{`, {"type": "uts"}`, ``, `4:13 error hostname config.md#hostname`},
		{`"SCMP_ACT_ALLOW"`, `"ALLOW"`, `14:30 error linux.seccomp.defaultAction config-linux.md#seccomp`},
		{`"resources": {}`, `"resources": }`, `11:14 error linux.resources config-linux.md#control-groups`},
		{`"cwd": "/"`, `"cwd": "/", "args": 5, "cwd": "x", "": 1`, "5:41 error process.args config.md#process\n5:52 error process.cwd config.md#process\n" +
			`5:68 ignored process[""] config.md#process`},
		// Ignored.
		{`"hostname"`, `"Hostname"`, `4:13 ignored Hostname config.md`},
		{`"resources": {}`, `"resources": {"vendor": 1}`, `11:25 ignored linux.resources.vendor config-linux.md#control-groups`},
		{`"resources": {}`, `"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]`, `11:16 ignored linux.uidMappings config-linux.md#user-namespace-mappings`},
		{`"capabilities": {}`, `"capabilities": {"bounding": ["CAP_KILL"], "ambient": ["chown"]}`, `5:96 ignored process.capabilities.ambient[0] config.md#process`},
		{`"SCMP_ACT_ALLOW"`, `"SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "names": ["read", "raed"]}]`, `14:108 ignored linux.seccomp.syscalls[0].names[1] config-linux.md#seccomp`},
		{`"capabilities": {}`, `"capabilities": {"bounding": ["CAP_KILL"], "inheritable": ["CAP_KILL"]}`, ``},
		{`"capabilities": {}`, `"capabilities": {"bounding": ["CAP_KILL"], "inheritable": ["CAP_KILL", "CAP_CHOWN"]}`, `5:112 error process.capabilities.inheritable[1] config.md#process`},
		// Others.
		{`"type": "proc"}`, `"type": "proc", "options": ["noatime", "relatime"]}`, `7:53 differs mounts[0].options config.md#mounts`},
		{`"capabilities": {}, `, ``, `5:12 differs process.capabilities config.md#process`},
		{`"hostname": "h",`, `"hostname": "h", "hooks": {"createContainer": [{"path": "/x"}]},`, `4:48 differs hooks.createContainer[0].env config.md#posix-platform-hooks`},
		{`["/proc/sys"]`, `["/proc/sys", "/"]`, `13:32 differs linux.readonlyPaths[1] config-linux.md#readonly-paths`},
		{`"hostname": "h",`, `"hostname": "h", "hooks": {"prestart": [{"path": "/x"}]},`, `4:40 deprecated hooks.prestart config.md#posix-platform-hooks`},
		{`"resources": {}`, `"resources": {"memory": {"kernelTCP": 0}}`, `11:39 deprecated linux.resources.memory.kernelTCP config-linux.md#memory`},
		{`"capabilities": {}`, `"capabilities": {"bounding": ["CAP_KILL", "CAP_SYS_ADMIN"]}`, `5:83 risky process.capabilities.bounding[1] config.md#process`},
		{`{"type": "pid"}, `, ``, `10:15 risky linux.namespaces config-linux.md#namespaces`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/run/docker.sock", "options": ["bind"]}`, `8:33 risky mounts[1].source config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "//", "options": ["rbind"]}`, `8:1 risky mounts[1] config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/", "options": ["rbind", "rro"]}`, ``},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/srv", "options": ["bind", "rshared"]}`, `8:52 risky mounts[1].options config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/sys", "type": "sysfs"}`, `8:1 risky mounts[1].options config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/cg", "type": "cgroup2", "options": ["rw"]}`, `8:54 risky mounts[1].options config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/etc", "options": ["bind", "ro", "rw"]}`, `8:1 risky mounts[1] config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/etc", "options": ["bind", "rw", "ro"]}`, ``},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/x", "source": "/etc", "options": ["rbind", "ro", "rrw"]}`, `8:1 risky mounts[1] config.md#mounts`},
		{`"type": "proc"}`, `"type": "proc"},` + "\n" + `{"destination": "/sys", "type": "sysfs", "options": ["ro", "rw"]}`, `8:53 risky mounts[1].options config.md#mounts`},
		{`{"type": "network"}`, `{"type": "network", "path": "/proc/1/ns/net"}`, `10:61 risky linux.namespaces[1].path config-linux.md#namespaces`},
		{`{"type": "pid"}`, `{"type": "pid", "path": "/proc//self/ns/pid"}`, `10:40 risky linux.namespaces[0].path config-linux.md#namespaces`},
		{`{"type": "network"}`, `{"type": "network", "path": "/proc/17/ns/net"}`, ``},
		{`"namespaces": [`, `"uidMappings": [{"hostID": 9, "size": 1}, {"containerID": 1, "hostID": 0, "size": 1}], "gidMappings": [{"hostID": 9, "size": 1}],` + "\n" + `"namespaces": [{"type": "user"}, `, `10:72 risky linux.uidMappings[1].hostID config-linux.md#user-namespace-mappings`},
		{`"resources": {}`, `"resources": {"devices": [{"allow": true, "access": "rwm"}]}`, `11:27 risky linux.resources.devices[0] config-linux.md#allowed-device-list`},
		{`"resources": {}`, `"resources": {"devices": [{"allow": true, "type": "b", "access": "w"}]}`, `11:27 risky linux.resources.devices[0] config-linux.md#allowed-device-list`},
		{`"resources": {}`, `"resources": {"devices": [{"allow": true, "type": "c", "major": 1, "access": "rw"}]}`, `11:27 risky linux.resources.devices[0] config-linux.md#allowed-device-list`},
		{`"resources": {}`, `"resources": {"devices": [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"}]}`, ``},
		{`"resources": {}`, `"rootfsPropagation": "shared"`, `11:22 risky linux.rootfsPropagation config-linux.md#rootfs-mount-propagation`},
		{`"noNewPrivileges": true`, `"user": {"uid": 7}`, `5:12 risky process.noNewPrivileges config.md#process`},
		{`"maskedPaths": ["/proc/kcore"],`, ``, `9:10 risky linux.maskedPaths config-linux.md#masked-paths`},
		{`"readonlyPaths": ["/proc/sys"],`, ``, `9:10 risky linux.readonlyPaths config-linux.md#readonly-paths`},
		{"\"readonlyPaths\": [\"/proc/sys\"],\n\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\"}", `"readonlyPaths": ["/proc/sys"]`, `9:10 risky linux.seccomp config-linux.md#seccomp`},
	} {
		if !strings.Contains(plain, c.old) {
			t.Fatalf("%q isn't in the configuration", c.old)
		}
		var got []string
		for _, f := range Config([]byte(strings.Replace(plain, c.old, c.new, 1))) {
			got = append(got, fmt.Sprintf("%d:%d %s %s %s", f.Line, f.Column, f.Severity, f.Path, f.Section))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.new, strings.Join(got, "\n"), c.want)
		}
	}
}

// The worst comes first, and in a user namespace much is harmless.
func TestOrder(t *testing.T) {
	text := strings.Replace(plain, `{"type": "pid"}, `, ``, 1)
	text = strings.Replace(text, `"cwd": "/"`, `"cwd": "", "Cwd": "/"`, 1)
	var got []Severity
	for _, f := range Config([]byte(text)) {
		got = append(got, f.Severity)
	}
	if !slices.Equal(got, []Severity{Error, Ignored, Risky}) {
		t.Errorf("%v", got)
	}
	text = strings.Replace(text, `"type": "ipc"`, `"type": "user"`, 1)
	text = strings.Replace(text, `"resources"`, `"uidMappings": [{"hostID": 1000, "size": 1}], "gidMappings": [{"hostID": 1000, "size": 1}], "resources"`, 1)
	if last := Config([]byte(text)); last[len(last)-1].Severity == Risky {
		t.Errorf("in a user namespace: %v", last)
	}
}

// What isn't for a container to write to, and what is.
func TestHostsTrees(t *testing.T) {
	for source, want := range map[string]bool{
		"/": true, "/sys/fs/cgroup": true, "/run": true, "/proc/sys": true, "/etc/cron.d": true, "/usr": true, "/var": true, "/home": true, "/lib/modules": true,
		"/etc/shadow": true, "/usr/lib/systemd/system": true, "/var/run": true,
		"/home/u/work": false, "/srv/data": false, "/run/netns": false, "/etc/resolv.conf": false, "/etcetera": false, "/var/lib/app": false, "/dev/fuse": false,
	} {
		text := strings.Replace(plain, `"type": "proc"}`, `"type": "proc"}, {"destination": "/x", "source": "`+source+`", "options": ["rbind", "rw"]}`, 1)
		if list := Config([]byte(text)); (len(list) == 1) != want {
			t.Errorf("%s: %v", source, list)
		}
	}
}

// Of a thousand unknown names the first are told, and how many more there are.
func TestManyNames(t *testing.T) {
	many := strings.Repeat(`"raed", `, 999) + `"raed"`
	text := strings.Replace(plain, `"SCMP_ACT_ALLOW"`, `"SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO", "names": [`+many+`]}]`, 1)
	text = strings.Replace(text, `"capabilities": {}`, `"capabilities": {"bounding": [`+many+`]}`, 1)
	list := Config([]byte(text))
	if len(list) != 2*(maxNames+1) {
		t.Fatalf("%d findings", len(list))
	}
	if f := list[maxNames+2]; f.Fix != "did you mean read?" {
		t.Errorf("%+v", f)
	}
	if !slices.ContainsFunc(list, func(f Finding) bool { return f.Message == "900 more names are of no system call" }) {
		t.Error("no word of the rest")
	}
}

// What rung writes has one finding, and engines' configurations have no error.
func TestOthers(t *testing.T) {
	text, err := json.MarshalIndent(spec.Example(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if list := Config(text); len(list) != 1 || list[0].Path != "linux.seccomp" {
		t.Errorf("rung spec: %v", list)
	}
	files, err := filepath.Glob("../spec/testdata/engines/*config*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d configurations of engines, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Config(text) {
			if f.Severity == Error || f.Line < 1 || f.Column < 1 || f.Message == "" || f.Section == "" {
				t.Errorf("%s: %+v", file, f)
			}
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(`{"linux": {"sysctl": {"a]\"[0].b": 1}}, "mounts": [{}, null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines := strings.Count(string(raw), "\n") + 1
		for _, x := range Config(raw) {
			if x.Line < 1 || x.Line > lines || x.Column < 1 || x.Message == "" || !slices.Contains(Severities, x.Severity) {
				t.Errorf("%+v", x)
			}
		}
	})
}
