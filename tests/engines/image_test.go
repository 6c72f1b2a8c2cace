package engines

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

// image is what an OCI image says of the process to run.
type image struct {
	Entrypoint []string `json:",omitempty"`
	Cmd        []string `json:",omitempty"`
	User       string   `json:",omitempty"`
	Env        []string `json:",omitempty"`
}

// busybox makes a root filesystem of busybox with a user u, id 1000.
func busybox(t *testing.T) (rootfs string) {
	t.Helper()
	b := harness.New(t)
	b.Write(t, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000::/:/bin/sh\n", 0o644)
	b.Write(t, "etc/group", "root:x:0:\nu:x:1000:\n", 0o644)
	if err := os.Link(b.Rootfs+"/bin/busybox", b.Rootfs+"/bin/nslookup"); err != nil {
		t.Fatal(err)
	}
	return b.Dir + "/rootfs"
}

// load gives an engine an image of busybox: the command reads a tar archive.
func load(t *testing.T, env []string, command string) {
	t.Helper()
	must(t, append(env, "ROOTFS="+busybox(t)), `tar -C "$ROOTFS" -c . | `+command)
}

// must runs a shell command that has to succeed.
func must(t *testing.T, env []string, command string) (output string) {
	t.Helper()
	c := exec.Command("sh", "-c", command)
	c.Env = env
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// writeImage writes an archive of an OCI image layout: one image of one layer.
func writeImage(t *testing.T, file, ref, rootfs string, run image) {
	t.Helper()
	layer, err := exec.Command("tar", "-C", rootfs, "--numeric-owner", "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	add := func(name string, data []byte) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type object map[string]any
	blob := func(kind string, data []byte) object {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		add("blobs/sha256/"+sum, data)
		return object{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + sum, "size": len(data)}
	}
	text := func(v any) []byte {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	l := blob("layer.v1.tar", layer)
	config := blob("config.v1+json", text(object{
		"architecture": runtime.GOARCH, "os": "linux", "config": run,
		"rootfs": object{"type": "layers", "diff_ids": []any{l["digest"]}},
	}))
	manifest := blob("manifest.v1+json", text(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{l},
	}))
	manifest["annotations"] = map[string]string{"io.containerd.image.name": ref, "org.opencontainers.image.ref.name": ref}
	add("index.json", text(object{"schemaVersion": 2, "manifests": []any{manifest}}))
	add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, archive.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
