package main

import (
	"encoding/json"
	"strings"
	"time"
)

// The software bill of materials, in CycloneDX 1.5: https://cyclonedx.org/docs/1.5/json/.
type (
	bom struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type     string          `json:"type"`
		Ref      string          `json:"bom-ref"`
		Name     string          `json:"name"`
		Version  string          `json:"version"`
		Hashes   []hash          `json:"hashes,omitempty"`
		Licences []licenceChoice `json:"licenses,omitempty"`
		PURL     string          `json:"purl"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licenceChoice struct {
		Licence licenceID `json:"license"`
	}
	licenceID struct {
		ID string `json:"id"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn"`
	}
)

// sbom writes what a binary was made of: Go's library and modules, which are all said to be the program's, since the build
// information doesn't say which module needs which.
func (d *dist) sbom(t target, binary string, list []licence) error {
	sum, err := fileSum(binary)
	if err != nil {
		return err
	}
	own := newComponent("application", "github.com/rung-oci/rung", d.version(), d.purlVersion(), "Apache-2.0")
	own.Hashes = []hash{{"SHA-256", sum}}
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{d.time.Format(time.RFC3339), own}}
	edges := dependency{Ref: own.Ref}
	for _, l := range list {
		version := l.version
		if l.path == "stdlib" { // by 1.26.8 tools know it, not by go1.26.8
			version = strings.TrimPrefix(version, "go")
		}
		c := newComponent("library", l.path, l.version, version, l.id)
		b.Components, edges.On = append(b.Components, c), append(edges.On, c.Ref)
	}
	b.Dependencies = []dependency{edges}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return d.write("rung-"+d.version()+"-linux-"+t.name+".cdx.json", append(text, '\n'))
}

func newComponent(kind, path, version, purlVersion, id string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(purlVersion, "+", "%2B")
	c := component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
	if id != "" {
		c.Licences = []licenceChoice{{licenceID{id}}}
	}
	return c
}
