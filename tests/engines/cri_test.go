package engines

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/rung-oci/rung/tests/harness"
)

// A kubelet is a client of CRI that does with pods what Kubernetes' does.
type kubelet struct {
	cri.RuntimeServiceClient
	dir    string
	driver string   // of cgroups
	env    []string // of containerd's own client
	// runtime is the runtime class of the pods; serial counts them.
	runtime string
	serial  int
	engine  *engine // containerd
}

// TestCRI drives containerd as a kubelet does.
func TestCRI(t *testing.T) {
	harness.Controller(t, "cpu") // of which the engine sets a limit for every container
	need(t, "containerd", "ctr")
	inPlace(t, 15*time.Minute, func(t *testing.T, dir string) {
		perform(t, "containerd (CRI)", kubernetes(t, dir, cgroupfs).cases(), nil)
	})
}

// TestCRISystemd does so where systemd makes the cgroups, as kubeadm's clusters have it.
func TestCRISystemd(t *testing.T) {
	need(t, "containerd", "ctr")
	onHost(t, func(t *testing.T, dir string) {
		perform(t, "containerd (CRI), systemd", kubernetes(t, dir, systemd).cases(), nil)
	})
}

// TestCRI2 does so with containerd 2, which knows user namespaces.
func TestCRI2(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test: make test-engines")
	}
	harness.Controller(t, "cpu")
	const programs = "/var/tmp/rung-containerd-2.2.9" // see containerd2.sh
	if _, err := os.Stat(programs + "/containerd"); err != nil {
		t.Skip("containerd 2 isn't built: tests/engines/containerd2.sh does it, from the Go proxy")
	}
	need(t, "ctr")
	inPlace(t, 15*time.Minute, func(t *testing.T, dir string) {
		t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
		k := kubernetes(t, dir, cgroupfs)
		perform(t, "containerd 2 (CRI)", append(k.cases(), k.userNamespaces()...), nil)
	})
}

// kubernetes starts a containerd with the runtimes, a network for pods and the
// images "pause" and "bb".
func kubernetes(t *testing.T, dir, driver string) *kubelet {
	t.Helper()
	if _, err := os.Stat("/usr/lib/cni/ptp"); err != nil {
		t.Skip("containernetworking-plugins isn't installed: tests/engines/setup.sh does it")
	}
	network := `{"cniVersion":"0.4.0","name":"pods","plugins":[{"type":"ptp","ipam":{"type":"host-local","dataDir":"` + dir +
		`/ipam","ranges":[[{"subnet":"10.88.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}`
	if err := os.Mkdir(dir+"/cni", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/cni/10-pods.conflist", []byte(network), 0o644); err != nil {
		t.Fatal(err)
	}
	k := &kubelet{dir: dir, driver: driver}
	k.engine, k.env = containerd(t, dir, driver, criConfig(dir, driver))
	for i, e := range k.env {
		if strings.HasPrefix(e, "CONTAINERD_NAMESPACE=") {
			k.env[i] = "CONTAINERD_NAMESPACE=k8s.io"
		}
	}
	rootfs := busybox(t)
	writeImage(t, dir+"/bb.tar", "docker.io/library/bb:latest", rootfs, image{Cmd: []string{"/bin/sh"}})
	writePause(t, dir+"/pause.tar", "docker.io/library/pause:latest", rootfs)
	must(t, k.env, "for i in bb pause; do ctr images import $DIR/$i.tar || exit 1; done")
	conn, err := grpc.NewClient("unix://"+dir+"/c.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	k.RuntimeServiceClient = cri.NewRuntimeServiceClient(conn)
	return k
}

// writePause writes an image that waits, for sandboxes.
func writePause(t *testing.T, file, ref, rootfs string) {
	t.Helper()
	script := "#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 1000 & wait; done\n"
	if err := os.WriteFile(rootfs+"/bin/pause", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	writeImage(t, file, ref, rootfs, image{Entrypoint: []string{"/bin/pause"}})
}

// criConfig is the CRI plugin's part of containerd's configuration, version 2.
func criConfig(dir, driver string) string {
	const plugin = `plugins."io.containerd.grpc.v1.cri"`
	var b strings.Builder
	fmt.Fprintf(&b, `[%s]
sandbox_image = "docker.io/library/pause:latest"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
[%s.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "%s/cni"
[%s.containerd]
default_runtime_name = "rung"
`, plugin, plugin, dir, plugin)
	for name, path := range runtimes() {
		fmt.Fprintf(&b, "[%s.containerd.runtimes.%s]\nruntime_type = \"io.containerd.runc.v2\"\n[%s.containerd.runtimes.%s.options]\nBinaryName = %q\nSystemdCgroup = %t\n",
			plugin, name, plugin, name, path, driver == systemd)
	}
	return b.String()
}

// A pod is a sandbox and what was made in it.
type pod struct {
	*kubelet
	id     string
	config *cri.PodSandboxConfig
	serial int
}

// pod runs a sandbox, ready to take containers.
func (k *kubelet) pod(edits ...func(*cri.PodSandboxConfig)) (*pod, error) {
	k.serial++
	name := fmt.Sprintf("pod%d", k.serial)
	logs := filepath.Join(k.dir, "logs", name)
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Uid: name, Namespace: "default"},
		Hostname:     name,
		LogDirectory: logs,
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent:    "/kubepods/" + name,
			SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}},
		},
	}
	if k.driver == systemd {
		config.Linux.CgroupParent = "kubepods-" + name + ".slice"
	}
	for _, e := range edits {
		e(config)
	}
	r, err := k.RunPodSandbox(deadline(), &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: k.runtime})
	if err != nil {
		return nil, err
	}
	return &pod{kubelet: k, id: r.PodSandboxId, config: config}, nil
}

// end stops and removes the pod with all that is in it.
func (p *pod) end() error {
	if _, err := p.StopPodSandbox(deadline(), &cri.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
		return err
	}
	_, err := p.RemovePodSandbox(deadline(), &cri.RemovePodSandboxRequest{PodSandboxId: p.id})
	return err
}

// create makes a container of the image bb that is to run a command.
func (p *pod) create(edit func(*cri.ContainerConfig), command ...string) (id string, err error) {
	p.serial++
	name := fmt.Sprintf("c%d", p.serial)
	config := &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name},
		Image:    &cri.ImageSpec{Image: "docker.io/library/bb:latest"},
		Command:  command,
		LogPath:  name + ".log",
		Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
			NamespaceOptions: p.config.Linux.SecurityContext.NamespaceOptions,
		}},
	}
	if edit != nil {
		edit(config)
	}
	r, err := p.CreateContainer(deadline(), &cri.CreateContainerRequest{PodSandboxId: p.id, Config: config, SandboxConfig: p.config})
	if err != nil {
		return "", err
	}
	return r.ContainerId, nil
}

// start makes a container and starts it.
func (p *pod) start(edit func(*cri.ContainerConfig), command ...string) (id string, err error) {
	if id, err = p.create(edit, command...); err != nil {
		return "", err
	}
	_, err = p.StartContainer(deadline(), &cri.StartContainerRequest{ContainerId: id})
	return id, err
}

// run starts a container and waits for its end.
func (p *pod) run(edit func(*cri.ContainerConfig), command ...string) (log string, status *cri.ContainerStatus, err error) {
	id, err := p.start(edit, command...)
	if err != nil {
		return "", nil, err
	}
	status, err = p.wait(id, cri.ContainerState_CONTAINER_EXITED)
	if err != nil {
		return "", status, err
	}
	return p.log(status.LogPath), status, nil
}

// log is what a container has written, without what CRI puts before each line.
func (p *pod) log(path string) string {
	var b strings.Builder
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if f := strings.SplitN(line, " ", 4); len(f) == 4 {
			b.WriteString(f[3])
		}
	}
	return b.String()
}

// wait waits for a state of a container.
func (k *kubelet) wait(id string, state cri.ContainerState) (*cri.ContainerStatus, error) {
	for end := time.Now().Add(harness.Patience(20 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		r, err := k.ContainerStatus(deadline(), &cri.ContainerStatusRequest{ContainerId: id})
		if err != nil {
			return nil, err
		}
		if r.Status.State == state {
			return r.Status, nil
		}
		if time.Now().After(end) {
			return r.Status, fmt.Errorf("state is %v, want %v", r.Status.State, state)
		}
	}
}

// exec runs a command in a container and returns its output; an error if it fails.
func (k *kubelet) exec(id string, command ...string) (string, error) {
	r, err := k.ExecSync(deadline(), &cri.ExecSyncRequest{ContainerId: id, Cmd: command, Timeout: int64(harness.Patience(20 * time.Second).Seconds())})
	if err != nil {
		return "", err
	}
	if r.ExitCode != 0 {
		return "", fmt.Errorf("%q: exit code %d: %s", command, r.ExitCode, r.Stderr)
	}
	return string(r.Stdout), nil
}

func deadline() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience(40*time.Second))
	time.AfterFunc(harness.Patience(41*time.Second), cancel)
	return ctx
}

// has is an error unless a text holds a part.
func has(text, part string) error {
	if !strings.Contains(text, part) {
		return fmt.Errorf("%q lacks %q", text, part)
	}
	return nil
}

// refused is an error unless err says part.
func refused(err error, part string) error {
	if err == nil {
		return fmt.Errorf("no error, want %q", part)
	}
	return has(err.Error(), part)
}

// TestCRITest runs Kubernetes' own conformance program, if CRITEST is its path.
func TestCRITest(t *testing.T) {
	program := os.Getenv("CRITEST")
	if program == "" {
		t.Skip("CRITEST isn't set: the path of critest, which isn't in Debian nor at the Go proxy")
	}
	need(t, "containerd", "ctr")
	inPlace(t, 30*time.Minute, func(t *testing.T, dir string) {
		k := kubernetes(t, dir, cgroupfs)
		k.runtime = "rung"
		c := exec.Command(program, "--runtime-endpoint", "unix://"+dir+"/c.sock", "--runtime-handler", "rung", "--ginkgo.no-color")
		c.Dir, c.Env = dir, k.env
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
