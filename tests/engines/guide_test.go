package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/rung-oci/rung/tests/harness"
)

// TestGuides does what the pages for users say. A block of a page that names a file
// is written there; of a "console" block, each line after "# " is run, and the lines
// below it are its output, in which … stands for anything.
func TestGuides(t *testing.T) {
	for _, g := range []struct {
		page, controller string
		programs         []string
		prepare, check   func(t *testing.T, env []string)
	}{
		{page: "guide/docker.md", controller: "cpu", programs: []string{"dockerd", "docker", "iptables"}},
		{page: "guide/containerd.md", controller: "cpu", programs: []string{"containerd", "ctr"}, prepare: func(t *testing.T, env []string) {
			must(t, env, "systemctl restart containerd")
		}},
		{page: "guide/podman.md", controller: "pids", programs: []string{"podman", "conmon", "buildah"}, prepare: func(t *testing.T, env []string) {
			must(t, env, `tar -C "$ROOTFS" -c . | podman import -q -c 'CMD ["/bin/sh"]' - docker.io/library/busybox:latest`)
		}},
		{page: "kubernetes.md", controller: "cpu", programs: []string{"containerd", "ctr"}, check: guidePod},
	} {
		t.Run(strings.TrimSuffix(filepath.Base(g.page), ".md"), func(t *testing.T) {
			harness.Controller(t, g.controller)
			need(t, g.programs...)
			inPlace(t, 5*time.Minute, func(t *testing.T, dir string) {
				env := host(t, dir)
				if g.prepare != nil {
					g.prepare(t, env)
				}
				follow(t, filepath.Join("../../docs", g.page), env)
				if g.check != nil {
					g.check(t, env)
				}
			})
		})
	}
}

// host makes the place look like a host on which rung and the engines have just been
// installed. Its systemctl starts engines, and gives them an image "busybox".
func host(t *testing.T, dir string) (env []string) {
	t.Helper()
	env = append(os.Environ(), "DIR="+dir, "ROOTFS="+busybox(t), "HOME="+dir, "PATH="+dir+"/cmd:/usr/local/bin:"+os.Getenv("PATH"), "RUNG="+harness.Runtime())
	archive := dir + "/busybox.tar"
	writeImage(t, archive, "docker.io/library/busybox:latest", envValue(env, "ROOTFS"), image{Cmd: []string{"/bin/sh"}})
	must(t, env, `for d in docker containerd containers; do
	mkdir -p /var/lib/$d "$DIR/var/$d" /etc/$d && mount --bind "$DIR/var/$d" /var/lib/$d
done
mount -t tmpfs tmpfs /usr/local/bin && cp "$RUNG" /usr/local/bin/rung
printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' >/etc/containers/storage.conf
mkdir -p "$DIR/cmd"`)
	script := `#!/bin/sh
set -e
pid=$(cat "$DIR/$2.pid" 2>/dev/null) && kill "$pid" && while readlink /proc/$pid/exe >/dev/null; do sleep 0.1; done
case $2 in
docker) command="dockerd --storage-driver vfs" client=docker ;;
containerd) command=containerd client=ctr ;;
esac
$command >>"$DIR/$2.log" 2>&1 &
echo $! >"$DIR/$2.pid"
n=0
until $client version >/dev/null 2>&1; do
	n=$((n + 1))
	[ $n -lt 300 ] || { tail -20 "$DIR/$2.log"; exit 1; }
	sleep 0.1
done
case $2 in
docker) docker image inspect busybox >/dev/null 2>&1 || tar -C "$ROOTFS" -c . | docker import -c 'CMD ["/bin/sh"]' - busybox >/dev/null ;;
containerd) ctr images import "$DIR/busybox.tar" >/dev/null ;;
esac
`
	if err := os.WriteFile(dir+"/cmd/systemctl", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return env
}

func envValue(env []string, name string) string {
	for _, e := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

var block = regexp.MustCompile("(?ms)^```([a-z]*)(?: file=(\\S+))?\n(.*?)^```$")

// follow does what a page says.
func follow(t *testing.T, page string, env []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		kind, file, body := b[1], b[2], b[3]
		if file != "" {
			if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kind != "console" {
			continue
		}
		for _, step := range strings.Split("\n"+body, "\n# ")[1:] {
			commands++
			command, want, _ := strings.Cut(strings.TrimSuffix(step, "\n"), "\n")
			enact(t, env, command, want)
		}
	}
	if commands == 0 {
		t.Errorf("%s has no commands", page)
	}
}

// enact runs a command of a page and compares its output.
func enact(t *testing.T, env []string, command, want string) {
	t.Helper()
	c := exec.Command("timeout", "60", "sh", "-c", command)
	c.Env = env
	file, err := os.CreateTemp(envValue(env, "DIR"), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c.Stdout, c.Stderr = file, file // a daemon may keep it
	runErr := c.Run()
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(string(data))) {
		// docker's client says so where the daemon's refusal overtakes its own wait.
		if strings.HasSuffix(strings.TrimSpace(line), `msg="error waiting for container: context canceled"`) {
			continue
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	got := strings.Join(lines, "\n")
	pattern := strings.ReplaceAll(regexp.QuoteMeta(regexp.MustCompile(`(?m) +$`).ReplaceAllString(want, "")), "…", "(?s:.*)")
	pattern = regexp.MustCompile(` {2,}`).ReplaceAllString(pattern, ` +`)
	if !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		t.Fatalf("# %s\ngives (%v):\n%s\nthe page says:\n%s", command, runErr, got, want)
	}
}

// guidePod runs a pod by the handler that the page configures.
func guidePod(t *testing.T, env []string) {
	t.Helper()
	dir := envValue(env, "DIR")
	// The tests' machine may not have the right to lower oom_score_adj.
	must(t, env, `printf '[plugins."io.containerd.grpc.v1.cri"]\nrestrict_oom_score_adj = true\n' >>/etc/containerd/config.toml && systemctl restart containerd`)
	writeImage(t, dir+"/bb.tar", "docker.io/library/bb:latest", envValue(env, "ROOTFS"), image{Cmd: []string{"/bin/sh"}})
	writePause(t, dir+"/pause.tar", "registry.k8s.io/pause:3.6", envValue(env, "ROOTFS"))
	must(t, env, `ctr -n k8s.io images import "$DIR/bb.tar" && ctr -n k8s.io images import "$DIR/pause.tar"`)
	conn, err := grpc.NewClient("unix:///run/containerd/containerd.sock", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	k := &kubelet{RuntimeServiceClient: cri.NewRuntimeServiceClient(conn), dir: dir, runtime: "rung"}
	p, err := k.pod(func(c *cri.PodSandboxConfig) {
		c.Hostname = ""
		c.Linux.SecurityContext.NamespaceOptions.Network = cri.NamespaceMode_NODE
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, must(t, env, `grep -v level=info "$DIR/containerd.log"; true`))
	}
	if err := life(p); err != nil {
		t.Error(err)
	}
	list := must(t, env, "rung --root /run/containerd/runc/k8s.io list -q")
	if !strings.Contains(list, p.id) {
		t.Error(fmt.Errorf("rung has no sandbox %s: %q", p.id, list))
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}
