package engines

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// node is one machine of a swarm: a dockerd in a network namespace of its own.
type node struct {
	*engine
	name, address string
	env           []string
}

// docker runs docker's client on the node.
func (n *node) docker(t *testing.T, command string) string {
	t.Helper()
	return strings.TrimSpace(must(t, n.env, "docker "+command))
}

// TestSwarm runs a service on three nodes, loses one of them and has it back.
func TestSwarm(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test: make test-engines")
	}
	need(t, "dockerd", "docker", "ip", "nsenter")
	inPlace(t, 6*time.Minute, func(t *testing.T, dir string) {
		nodes := swarm(t, dir, 3)
		first := nodes[0]
		first.docker(t, "network create --driver overlay inner")
		first.docker(t, "service create --detach --name web --replicas 6 --endpoint-mode dnsrr --network inner --no-resolve-image "+
			`--env GREETING=hello bb sh -c 'trap "exit 0" TERM; echo $GREETING; while :; do sleep 0.2; done'`)
		on := settled(t, first, 6, "hello")
		if len(on) != 3 || on["n1"] != 2 || on["n2"] != 2 || on["n3"] != 2 {
			t.Errorf("tasks by node: %v, want 2 on each of 3", on)
		}
		for _, n := range nodes {
			for id := range strings.FieldsSeq(n.docker(t, "ps -q")) {
				if got := n.docker(t, "inspect -f '{{.HostConfig.Runtime}} {{.State.Status}}' "+id); got != "rung running" {
					t.Errorf("%s: container %s: %s", n.name, id, got)
				}
			}
		}
		answers(t, nodes)

		// A node is lost: nobody hears of it any more.
		must(t, os.Environ(), "ip link set v3 down")
		waitFor(t, "n3 to be down", func() error { return has(first.docker(t, "node ls"), "Down") })
		on = settled(t, first, 6, "hello")
		if on["n3"] != 0 || on["n1"]+on["n2"] != 6 {
			t.Errorf("tasks by node after the loss of n3: %v", on)
		}
		// And it is back: what it still runs ends.
		must(t, os.Environ(), "ip link set v3 up")
		waitFor(t, "n3 to be back", func() error {
			if strings.Contains(first.docker(t, "node ls"), "Down") {
				return fmt.Errorf("it is down")
			}
			if left := nodes[2].docker(t, "ps -q"); left != "" {
				return fmt.Errorf("it still runs %s", left)
			}
			return nil
		})

		first.docker(t, "service scale --detach web=3")
		settled(t, first, 3, "hello")
		first.docker(t, "service update --detach --update-parallelism 3 --env-add GREETING=bye web")
		settled(t, first, 3, "bye")
		first.docker(t, "service rm web")
		waitFor(t, "all containers to end", func() error {
			for _, n := range nodes {
				if left := n.docker(t, "ps -aq"); left != "" {
					return fmt.Errorf("%s has %s", n.name, left)
				}
			}
			return nil
		})
	})
}

// swarm starts nodes, connected by a bridge, that have an image "bb".
func swarm(t *testing.T, dir string, count int) (nodes []*node) {
	t.Helper()
	must(t, os.Environ(), "ip link add br0 type bridge && ip link set br0 up && ip addr add 10.77.0.254/24 dev br0 && mkdir -p /run/netns")
	rootfs := busybox(t)
	for i := 1; i <= count; i++ {
		n := &node{name: fmt.Sprintf("n%d", i), address: fmt.Sprintf("10.77.0.%d", i)}
		place := dir + "/" + n.name
		must(t, os.Environ(), fmt.Sprintf("mkdir %[1]s && ip netns add %[2]s && ip link add v%[3]d type veth peer name eth0 netns %[2]s && "+
			"ip link set v%[3]d master br0 up && ip -n %[2]s addr add %[4]s/24 dev eth0 && ip -n %[2]s link set eth0 up && ip -n %[2]s link set lo up",
			place, n.name, i, n.address))
		n.engine, n.env = dockerd(t, place, cgroupfs, nil, "nsenter", "--net=/run/netns/"+n.name, "unshare", "--uts", "--mount",
			"sh", "-c", `echo $0 >/proc/sys/kernel/hostname; exec "$@"`, n.name)
		must(t, append(n.env, "ROOTFS="+rootfs), `tar -C "$ROOTFS" -c . | docker import -c 'CMD ["/bin/sh"]' - bb`)
		if i == 1 {
			n.docker(t, "swarm init --advertise-addr "+n.address)
		} else {
			token := nodes[0].docker(t, "swarm join-token -q worker")
			n.docker(t, "swarm join --advertise-addr "+n.address+" --token "+token+" 10.77.0.1:2377")
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// settled waits until the service runs in so many containers, each of which has
// written the greeting, and returns their number on each node.
func settled(t *testing.T, n *node, count int, greeting string) (on map[string]int) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d tasks", count), func() error {
		on = map[string]int{}
		list := n.docker(t, "service ps --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' web")
		running := 0
		for line := range strings.Lines(list) {
			if name, state, _ := strings.Cut(line, " "); strings.HasPrefix(state, "Running") {
				on[name]++
				running++
			}
		}
		if running != count || strings.Count(list, "\n")+1 != count {
			return fmt.Errorf("the tasks are:\n%s\n%s", list, n.docker(t, "service ps --no-trunc web"))
		}
		return nil
	})
	return on
}

// answers has a task of each node find the others by the service's name.
func answers(t *testing.T, nodes []*node) {
	t.Helper()
	for _, n := range nodes {
		id, _, _ := strings.Cut(n.docker(t, "ps -q"), "\n")
		waitFor(t, n.name+" to know all tasks", func() error {
			out := must(t, n.env, "docker exec "+id+" nslookup web 2>&1 || true")
			if got := strings.Count(out, "Address"); got < 6 {
				return fmt.Errorf("%d addresses: %s", got, out)
			}
			return nil
		})
	}
}

// waitFor waits up to two minutes until check returns nil.
func waitFor(t *testing.T, what string, check func() error) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(250 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited two minutes for %s: %v", what, err)
		}
	}
}
