package engines

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/rung-oci/rung/tests/harness"
)

// cases are what Kubernetes asks a runtime for, through CRI.
func (k *kubelet) cases() (list []scenario) {
	add := func(name, needs string, f func(p *pod) error, edits ...func(*cri.PodSandboxConfig)) {
		list = append(list, k.inPod(name, needs, f, edits...))
	}
	add("sandbox", "-", sandbox)
	add("container's life", "-", life)
	add("exit code, output", "-", output)
	add("command not found", "-", notFound)
	add("ExecSync", "-", execSync)
	add("ExecSync: timeout", "-", execTimeout)
	add("Exec: streams", "-", streamExec)
	add("Exec: terminal", "-", streamTerminal)
	add("Attach", "-", attach)
	add("UpdateContainerResources", "cpu", update)
	add("stats", "memory", stats)
	add("out of memory", "memory", outOfMemory)
	add("limits of a container", "memory", limits)
	add("shared pid namespace", "-", sharedPID, pids(cri.NamespaceMode_POD))
	add("host's namespaces", "-", hostNamespaces, func(c *cri.PodSandboxConfig) {
		c.Hostname = ""
		c.Linux.SecurityContext.NamespaceOptions = &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_NODE, Ipc: cri.NamespaceMode_NODE}
	})
	add("pid namespace of another container", "-", targetPID)
	add("sysctls", "-", sysctls, func(c *cri.PodSandboxConfig) {
		c.Linux.Sysctls = map[string]string{"kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "1024 65000"}
	})
	add("user, groups", "-", identity)
	add("capabilities", "-", capabilities)
	add("no new privileges", "-", noNewPrivileges)
	add("seccomp", "-", seccompProfiles)
	add("read-only root, masked paths", "-", readOnly)
	add("privileged", "-", privileged, func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.Privileged = true })
	add("mounts", "-", mounts)
	add("devices", "-", devices)
	add("environment, directory, hostname", "-", environment)
	add("container after container", "-", again)
	add("eight containers at a time", "-", eight)
	list = append(list, scenario{name: "restart of the daemon", needs: "-", do: k.restart})
	return list
}

// inPod is a case that runs in a pod of its own.
func (k *kubelet) inPod(name, needs string, f func(p *pod) error, edits ...func(*cri.PodSandboxConfig)) scenario {
	return scenario{name: name, needs: needs, do: func(runtime string) error {
		k.runtime = runtime
		p, err := k.pod(edits...)
		if err != nil {
			return fmt.Errorf("run sandbox: %w", err)
		}
		err = f(p)
		if e := p.end(); err == nil && e != nil {
			return fmt.Errorf("end sandbox: %w", e)
		}
		return err
	}}
}

func pids(mode cri.NamespaceMode) func(*cri.PodSandboxConfig) {
	return func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.NamespaceOptions.Pid = mode }
}

func sandbox(p *pod) error {
	r, err := p.PodSandboxStatus(deadline(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err != nil {
		return err
	}
	if r.Status.State != cri.PodSandboxState_SANDBOX_READY || r.Status.RuntimeHandler != p.runtime {
		return fmt.Errorf("status %v", r.Status)
	}
	if err := has(r.Status.Network.GetIp(), "10.88."); err != nil {
		return err
	}
	if _, err := p.StopPodSandbox(deadline(), &cri.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
		return err
	}
	r, err = p.PodSandboxStatus(deadline(), &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	if err == nil && r.Status.State != cri.PodSandboxState_SANDBOX_NOTREADY {
		return fmt.Errorf("status %v after the stop", r.Status)
	}
	return err
}

func life(p *pod) error {
	id, err := p.create(nil, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
	if err != nil {
		return err
	}
	if _, err := p.wait(id, cri.ContainerState_CONTAINER_CREATED); err != nil {
		return err
	}
	if _, err := p.StartContainer(deadline(), &cri.StartContainerRequest{ContainerId: id}); err != nil {
		return err
	}
	running, err := p.wait(id, cri.ContainerState_CONTAINER_RUNNING)
	if err != nil {
		return err
	}
	for end := time.Now().Add(harness.Patience(20 * time.Second)); p.log(running.LogPath) == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("the trap isn't set")
		}
	}
	if _, err := p.StopContainer(deadline(), &cri.StopContainerRequest{ContainerId: id, Timeout: int64(harness.Patience(10 * time.Second).Seconds())}); err != nil {
		return err
	}
	s, err := p.wait(id, cri.ContainerState_CONTAINER_EXITED)
	if err != nil || s.ExitCode != 7 {
		return fmt.Errorf("exit code %d, want 7: %w", s.GetExitCode(), err)
	}
	_, err = p.RemoveContainer(deadline(), &cri.RemoveContainerRequest{ContainerId: id})
	return err
}

func output(p *pod) error {
	log, s, err := p.run(nil, "sh", "-c", "echo out; echo err >&2; exit 3")
	if err != nil || s.ExitCode != 3 {
		return fmt.Errorf("exit code %d, want 3: %w", s.GetExitCode(), err)
	}
	if err := has(log, "out\n"); err != nil {
		return err
	}
	return has(log, "err\n")
}

func notFound(p *pod) error {
	id, err := p.create(nil, "nonesuch")
	if err != nil {
		return err
	}
	_, err = p.StartContainer(deadline(), &cri.StartContainerRequest{ContainerId: id})
	if err := refused(err, "executable file not found"); err != nil {
		return err
	}
	s, err := p.wait(id, cri.ContainerState_CONTAINER_EXITED)
	if err != nil || s.Reason != "StartError" || s.ExitCode != 128 {
		return fmt.Errorf("status %v, want StartError: %w", s, err)
	}
	return nil
}

func sleeping(p *pod) (string, error) { return p.start(nil, "sleep", "1000") }

func execSync(p *pod) error {
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	r, err := p.ExecSync(deadline(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sh", "-c", "echo out; echo err >&2; exit 5"}})
	if err != nil || r.ExitCode != 5 || string(r.Stdout) != "out\n" || string(r.Stderr) != "err\n" {
		return fmt.Errorf("answer %v: %w", r, err)
	}
	_, err = p.exec(id, "nonesuch")
	return refused(err, "executable file not found")
}

func execTimeout(p *pod) error {
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	begin := time.Now()
	_, err = p.ExecSync(deadline(), &cri.ExecSyncRequest{ContainerId: id, Cmd: []string{"sleep", "30"}, Timeout: 1})
	if took := time.Since(begin); took > harness.Patience(10*time.Second) {
		return fmt.Errorf("took %v", took)
	}
	if err := refused(err, "timeout 1s exceeded"); err != nil {
		return err
	}
	list, err := p.exec(id, "ps")
	if err == nil && strings.Contains(list, "sleep 30") {
		return fmt.Errorf("the process lives: %s", list)
	}
	return err
}

func update(p *pod) error {
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	_, err = p.UpdateContainerResources(deadline(), &cri.UpdateContainerResourcesRequest{ContainerId: id, Linux: &cri.LinuxContainerResources{
		CpuShares: 512, CpuQuota: 50000, CpuPeriod: 100000, MemoryLimitInBytes: 100 << 20, CpusetCpus: "0",
	}})
	if err != nil {
		return err
	}
	got, err := p.exec(id, "sh", "-c", showLimits)
	if err == nil && !regexp.MustCompile(`^(512 50000|(59|20) 50000 100000) 104857600 0$`).MatchString(strings.Join(strings.Fields(got), " ")) {
		return fmt.Errorf("got %q", got)
	}
	return err
}

// showLimits prints a container's shares, of which there are two formulas for the
// weight of cgroup v2, its quota (there with the period), memory and processors.
const showLimits = `cd /sys/fs/cgroup
if [ -e cpu.weight ]; then cat cpu.weight cpu.max memory.max cpuset.cpus; else cat cpu/cpu.shares cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes cpuset/cpuset.cpus; fi`

func stats(p *pod) error {
	id, err := p.start(nil, "sh", "-c", "while :; do :; done")
	if err != nil {
		return err
	}
	for end := time.Now().Add(harness.Patience(20 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		r, err := p.ContainerStats(deadline(), &cri.ContainerStatsRequest{ContainerId: id})
		if err != nil {
			return err
		}
		cpu, mem := r.Stats.Cpu.GetUsageCoreNanoSeconds().GetValue(), r.Stats.Memory.GetWorkingSetBytes().GetValue()
		if cpu >= 1e7 && mem > 0 {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("cpu %d ns, memory %d bytes", cpu, mem)
		}
	}
	l, err := p.ListContainerStats(deadline(), &cri.ListContainerStatsRequest{Filter: &cri.ContainerStatsFilter{PodSandboxId: p.id}})
	if err == nil && len(l.Stats) != 1 {
		return fmt.Errorf("statistics of %d containers", len(l.Stats))
	}
	return err
}

func outOfMemory(p *pod) error {
	_, s, err := p.run(func(c *cri.ContainerConfig) {
		c.Linux.Resources = &cri.LinuxContainerResources{MemoryLimitInBytes: 16 << 20, MemorySwapLimitInBytes: 16 << 20}
	},
		"dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
	if err == nil && (s.Reason != "OOMKilled" || s.ExitCode != 137) {
		return fmt.Errorf("status %v", s)
	}
	return err
}

func limits(p *pod) error {
	log, _, err := p.run(func(c *cri.ContainerConfig) {
		c.Linux.Resources = &cri.LinuxContainerResources{MemoryLimitInBytes: 64 << 20, CpuQuota: 20000, CpuPeriod: 100000, CpuShares: 256, CpusetCpus: "0", OomScoreAdj: 900}
	}, "sh", "-c", "cat /proc/self/oom_score_adj; "+showLimits)
	if err == nil && !regexp.MustCompile(`^900 (256 20000|(35|10) 20000 100000) 67108864 0$`).MatchString(strings.Join(strings.Fields(log), " ")) {
		return fmt.Errorf("got %q", log)
	}
	return err
}

func sharedPID(p *pod) error {
	if _, err := p.start(nil, "sleep", "998"); err != nil {
		return err
	}
	log, _, err := p.run(nil, "ps")
	if err != nil {
		return err
	}
	if err := has(log, "sleep 998"); err != nil {
		return err
	}
	return has(log, "pause")
}

func hostNamespaces(p *pod) error {
	log, _, err := p.run(nil, "sh", "-c", "for n in net pid ipc; do readlink /proc/self/ns/$n; done")
	if err != nil {
		return err
	}
	for _, n := range []string{"net", "pid", "ipc"} {
		own, err := os.Readlink("/proc/self/ns/" + n)
		if err != nil {
			return err
		}
		if err := has(log, own); err != nil {
			return err
		}
	}
	return nil
}

func targetPID(p *pod) error {
	id, err := p.start(nil, "sleep", "997")
	if err != nil {
		return err
	}
	log, _, err := p.run(func(c *cri.ContainerConfig) {
		c.Linux.SecurityContext.NamespaceOptions = &cri.NamespaceOption{Pid: cri.NamespaceMode_TARGET, TargetId: id}
	}, "ps")
	if err != nil {
		return err
	}
	return has(log, "sleep 997")
}

func sysctls(p *pod) error {
	log, _, err := p.run(nil, "cat", "/proc/sys/kernel/shm_rmid_forced", "/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil && strings.Join(strings.Fields(log), " ") != "1 1024 65000" {
		return fmt.Errorf("got %q", log)
	}
	return err
}

func environment(p *pod) error {
	log, _, err := p.run(func(c *cri.ContainerConfig) {
		c.Envs = []*cri.KeyValue{{Key: "A", Value: []byte("b c")}}
		c.WorkingDir = "/tmp"
	}, "sh", "-c", "echo $A; pwd; hostname")
	if want := "b c\n/tmp\n" + p.config.Hostname + "\n"; err == nil && log != want {
		return fmt.Errorf("got %q, want %q", log, want)
	}
	return err
}

func again(p *pod) error {
	for n := range 5 {
		_, s, err := p.run(nil, "sh", "-c", fmt.Sprintf("exit %d", n))
		if err != nil || int(s.ExitCode) != n {
			return fmt.Errorf("container %d: exit code %d: %w", n, s.GetExitCode(), err)
		}
	}
	return nil
}

func eight(p *pod) error {
	var g errgroup.Group
	ids := make([]string, 8)
	for i := range ids {
		var err error
		if ids[i], err = p.create(nil, "sleep", "1000"); err != nil {
			return err
		}
		g.Go(func() error {
			if _, err := p.StartContainer(deadline(), &cri.StartContainerRequest{ContainerId: ids[i]}); err != nil {
				return err
			}
			_, err := p.exec(ids[i], "true")
			return err
		})
	}
	return g.Wait()
}

// restart stops containerd while a pod runs, and starts it again.
func (k *kubelet) restart(runtime string) error {
	k.runtime = runtime
	p, err := k.pod()
	if err != nil {
		return err
	}
	id, err := sleeping(p)
	if err != nil {
		return err
	}
	if err := k.engine.restart(); err != nil {
		return err
	}
	for end := time.Now().Add(harness.Patience(20 * time.Second)); ; time.Sleep(100 * time.Millisecond) {
		if _, err = p.exec(id, "true"); err == nil {
			break
		}
		if time.Now().After(end) {
			return err
		}
	}
	if _, err := p.StopContainer(deadline(), &cri.StopContainerRequest{ContainerId: id}); err != nil {
		return err
	}
	return p.end()
}
