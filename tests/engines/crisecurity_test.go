package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// security edits the security context of a container.
func security(edit func(*cri.LinuxContainerSecurityContext)) func(*cri.ContainerConfig) {
	return func(c *cri.ContainerConfig) { edit(c.Linux.SecurityContext) }
}

func identity(p *pod) error {
	log, _, err := p.run(security(func(s *cri.LinuxContainerSecurityContext) {
		s.RunAsUser, s.RunAsGroup = &cri.Int64Value{Value: 77}, &cri.Int64Value{Value: 88}
		s.SupplementalGroups = []int64{99}
	}), "id")
	if err != nil {
		return err
	}
	if err := has(log, "uid=77 gid=88"); err != nil {
		return err
	}
	if err := has(log, "99"); err != nil {
		return err
	}
	log, _, err = p.run(security(func(s *cri.LinuxContainerSecurityContext) { s.RunAsUsername = "u" }), "id", "-u")
	if err != nil {
		return err
	}
	return has(log, "1000\n")
}

// status runs a container that prints a line of its /proc/self/status.
func status(p *pod, field string, edit func(*cri.LinuxContainerSecurityContext)) (string, error) {
	log, _, err := p.run(security(edit), "grep", field+":", "/proc/self/status")
	return strings.Join(strings.Fields(log), " "), err
}

func capabilities(p *pod) error {
	for want, edit := range map[string]func(*cri.LinuxContainerSecurityContext){
		"CapEff: 00000000a80425fb": func(*cri.LinuxContainerSecurityContext) {},
		"CapEff: 0000000000000000": func(s *cri.LinuxContainerSecurityContext) {
			s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}}
		},
		"CapEff: 0000000000001000": func(s *cri.LinuxContainerSecurityContext) {
			s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}, AddCapabilities: []string{"NET_ADMIN"}}
		},
	} {
		if got, err := status(p, "CapEff", edit); err != nil || got != want {
			return fmt.Errorf("got %q, want %q: %w", got, want, err)
		}
	}
	return nil
}

func noNewPrivileges(p *pod) error {
	for _, on := range []bool{true, false} {
		got, err := status(p, "NoNewPrivs", func(s *cri.LinuxContainerSecurityContext) { s.NoNewPrivs = on })
		if want := map[bool]string{true: "NoNewPrivs: 1", false: "NoNewPrivs: 0"}[on]; err != nil || got != want {
			return fmt.Errorf("got %q, want %q: %w", got, want, err)
		}
	}
	return nil
}

func seccompProfiles(p *pod) error {
	for kind, want := range map[cri.SecurityProfile_ProfileType]string{
		cri.SecurityProfile_RuntimeDefault: "Seccomp: 2", cri.SecurityProfile_Unconfined: "Seccomp: 0",
	} {
		got, err := status(p, "Seccomp", func(s *cri.LinuxContainerSecurityContext) {
			s.Seccomp = &cri.SecurityProfile{ProfileType: kind}
		})
		if err != nil || got != want {
			return fmt.Errorf("%v: got %q, want %q: %w", kind, got, want, err)
		}
	}
	file := filepath.Join(p.dir, "profile.json")
	if err := os.WriteFile(file, []byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}`), 0o644); err != nil {
		return err
	}
	log, s, err := p.run(security(func(s *cri.LinuxContainerSecurityContext) {
		s.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: file}
	}), "mkdir", "/d")
	if err != nil || s.ExitCode == 0 {
		return fmt.Errorf("exit code %d: %w", s.GetExitCode(), err)
	}
	return has(log, "not permitted")
}

func readOnly(p *pod) error {
	log, s, err := p.run(security(func(s *cri.LinuxContainerSecurityContext) { s.ReadonlyRootfs = true }), "touch", "/x")
	if err != nil || s.ExitCode == 0 {
		return fmt.Errorf("exit code %d: %w", s.GetExitCode(), err)
	}
	if err := has(log, "Read-only"); err != nil {
		return err
	}
	log, s, err = p.run(security(func(s *cri.LinuxContainerSecurityContext) {
		s.MaskedPaths, s.ReadonlyPaths = []string{"/proc/version"}, []string{"/proc/sys"}
	}), "sh", "-c", "cat /proc/version; echo 1 >/proc/sys/net/ipv4/ip_forward")
	if err != nil || s.ExitCode == 0 {
		return fmt.Errorf("exit code %d: %w", s.GetExitCode(), err)
	}
	if strings.Contains(log, "Linux version") {
		return fmt.Errorf("/proc/version isn't masked: %s", log)
	}
	return has(log, "Read-only")
}

func privileged(p *pod) error {
	log, s, err := p.run(security(func(s *cri.LinuxContainerSecurityContext) { s.Privileged = true }),
		"sh", "-c", "mount -t tmpfs none /tmp && ls /dev/full && echo 1 >/proc/sys/net/ipv4/ip_forward && echo all")
	if err != nil || s.ExitCode != 0 {
		return fmt.Errorf("exit code %d: %s: %w", s.GetExitCode(), log, err)
	}
	return has(log, "all\n")
}

func mounts(p *pod) error {
	dir := filepath.Join(p.dir, "volume-"+p.id)
	if err := os.MkdirAll(dir+"/sub", 0o755); err != nil {
		return err
	}
	log, s, err := p.run(func(c *cri.ContainerConfig) {
		c.Mounts = []*cri.Mount{
			{HostPath: dir, ContainerPath: "/rw"},
			{HostPath: dir, ContainerPath: "/ro", Readonly: true},
		}
	}, "sh", "-c", "touch /rw/made && ls /ro && touch /ro/x")
	if err != nil || s.ExitCode == 0 {
		return fmt.Errorf("exit code %d: %w", s.GetExitCode(), err)
	}
	if err := has(log, "made"); err != nil {
		return err
	}
	if err := has(log, "Read-only"); err != nil {
		return err
	}
	_, err = os.Stat(dir + "/made")
	return err
}

func devices(p *pod) error {
	log, s, err := p.run(func(c *cri.ContainerConfig) {
		c.Devices = []*cri.Device{{HostPath: "/dev/fuse", ContainerPath: "/dev/other", Permissions: "r"}}
	}, "sh", "-c", ": </dev/other && echo opened; : >/dev/other")
	if err != nil || s.ExitCode == 0 {
		return fmt.Errorf("exit code %d: %w", s.GetExitCode(), err)
	}
	if err := has(log, "opened\n"); err != nil {
		return err
	}
	return has(log, "not permitted")
}

// userNamespaces are pods that have one, with volumes whose owners are mapped.
func (k *kubelet) userNamespaces() []scenario {
	maps := []*cri.IDMapping{{HostId: 300000, ContainerId: 0, Length: 65536}}
	own := func(c *cri.PodSandboxConfig) {
		c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = &cri.UserNamespace{Mode: cri.NamespaceMode_POD, Uids: maps, Gids: maps}
	}
	return []scenario{
		k.inPod("user namespace", "-", func(p *pod) error {
			log, _, err := p.run(nil, "cat", "/proc/self/uid_map")
			if err == nil && strings.Join(strings.Fields(log), " ") != "0 300000 65536" {
				return fmt.Errorf("got %q", log)
			}
			return err
		}, own),
		k.inPod("user namespace: root filesystem", "-", func(p *pod) error {
			log, _, err := p.run(nil, "stat", "-c", "%u %g", "/bin/busybox")
			if err == nil && log != "0 0\n" {
				return fmt.Errorf("got %q", log)
			}
			return err
		}, own),
		k.inPod("user namespace: volume", "-", func(p *pod) error {
			dir := filepath.Join(p.dir, "volume-"+p.id)
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			log, s, err := p.run(func(c *cri.ContainerConfig) {
				c.Mounts = []*cri.Mount{{HostPath: dir, ContainerPath: "/v", UidMappings: maps, GidMappings: maps}}
			}, "touch", "/v/made")
			if err != nil || s.ExitCode != 0 {
				return fmt.Errorf("exit code %d: %s: %w", s.GetExitCode(), log, err)
			}
			info, err := os.Stat(dir + "/made")
			if err == nil && info.Sys().(*syscall.Stat_t).Uid != 0 {
				return fmt.Errorf("its owner is %d", info.Sys().(*syscall.Stat_t).Uid)
			}
			return err
		}, own),
		k.inPod("user namespace: exec", "-", func(p *pod) error {
			id, err := sleeping(p)
			if err != nil {
				return err
			}
			log, err := p.exec(id, "cat", "/proc/self/uid_map")
			if err != nil {
				return err
			}
			return has(log, "300000")
		}, own),
	}
}
