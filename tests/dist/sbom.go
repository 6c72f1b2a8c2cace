package main

import (
	"encoding/json"
	"time"
)

// The software bill of materials, in CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/.
type (
	bom struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type    string `json:"type"`
		Ref     string `json:"bom-ref"`
		Name    string `json:"name"`
		Version string `json:"version"`
		PURL    string `json:"purl"`
		Hashes  []hash `json:"hashes,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
)

// sbom writes what a binary was made of.
func (d *dist) sbom(t target, binary string) error {
	list, err := modules(binary)
	if err != nil {
		return err
	}
	sum, err := fileSum(binary)
	if err != nil {
		return err
	}
	own := newComponent("application", "github.com/rung-oci/rung", d.version)
	own.Hashes = []hash{{"SHA-256", sum}}
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{d.time.Format(time.RFC3339), own}, Components: []component{}}
	for _, m := range list {
		b.Components = append(b.Components, newComponent("library", m.Path, m.Version))
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return d.write("rung-"+d.version+"-linux-"+t.name+".cdx.json", append(text, '\n'))
}

func newComponent(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + version
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}
