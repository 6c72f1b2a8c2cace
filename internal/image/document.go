package image

import "github.com/rung-oci/rung/internal/jsontext"

// The media types of documents, the OCI's and those of which they were made.
var (
	indexTypes    = []string{"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
	manifestTypes = []string{"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}
	configTypes   = []string{"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)

// refName is the annotation of an image's name in a layout.
const refName = "org.opencontainers.image.ref.name"

// A descriptor refers to a document.
type descriptor struct {
	mediaType, digest string
	size              int64
	platform          *Platform // nil: nobody says
	name              string
}

// fields are the keys of an object that are read, and how.
type fields map[string]func()

// object reads an object; other keys are left out, and null is as good as absent.
func object(r *jsontext.Reader, f fields) {
	if r.ReadNull() {
		return
	}
	for r.BeginObject(); r.Next(); {
		switch read := f[r.Key()]; {
		case read == nil:
			r.Skip()
		case !r.ReadNull():
			read()
		}
	}
}

func text(r *jsontext.Reader, into *string) func() { return func() { *into = r.ReadString() } }

func texts(r *jsontext.Reader, into *[]string) func() {
	return func() {
		for r.BeginArray(); r.More(); {
			*into = append(*into, r.ReadString())
		}
	}
}

// keys reads the keys of an object whose values say nothing.
func keys(r *jsontext.Reader, into *[]string) func() {
	return func() {
		for r.BeginObject(); r.Next(); r.Skip() {
			*into = append(*into, r.Key())
		}
	}
}

func (d *descriptor) read(r *jsontext.Reader) {
	object(r, fields{
		"mediaType": text(r, &d.mediaType),
		"digest":    text(r, &d.digest),
		"size":      func() { d.size = r.ReadInt(64) },
		"platform": func() {
			d.platform = new(Platform)
			object(r, fields{
				"os":           text(r, &d.platform.OS),
				"architecture": text(r, &d.platform.Architecture),
				"variant":      text(r, &d.platform.Variant),
			})
		},
		"annotations": func() { object(r, fields{refName: text(r, &d.name)}) },
	})
}

// document reads a whole document, which is an object.
func document(raw []byte, f func(r *jsontext.Reader) fields) error {
	r := jsontext.NewReader(raw)
	object(&r, f(&r))
	r.End()
	return r.Err()
}

func decodeVersion(raw []byte) (version string, err error) {
	err = document(raw, func(r *jsontext.Reader) fields { return fields{"imageLayoutVersion": text(r, &version)} })
	return version, err
}

func decodeIndex(raw []byte) (list []descriptor, err error) {
	err = document(raw, func(r *jsontext.Reader) fields {
		return fields{"manifests": func() {
			for r.BeginArray(); r.More(); {
				var d descriptor
				d.read(r)
				list = append(list, d)
			}
		}}
	})
	return list, err
}

// decodeManifest reads what a manifest says of the image's configuration.
func decodeManifest(raw []byte) (config descriptor, err error) {
	err = document(raw, func(r *jsontext.Reader) fields {
		return fields{"config": func() { config.read(r) }}
	})
	return config, err
}

// Config is the configuration of an image, as far as a container's depends on it.
type Config struct {
	Created, Author              string
	OS, OSVersion                string
	OSFeatures                   []string
	Architecture, Variant        string
	User, WorkingDir, StopSignal string
	Env, Entrypoint, Cmd         []string
	ExposedPorts, Volumes        []string
	Labels                       map[string]string
}

func decodeConfig(raw []byte) (*Config, error) {
	c := new(Config)
	err := document(raw, func(r *jsontext.Reader) fields {
		return fields{
			"created":      text(r, &c.Created),
			"author":       text(r, &c.Author),
			"os":           text(r, &c.OS),
			"os.version":   text(r, &c.OSVersion),
			"os.features":  texts(r, &c.OSFeatures),
			"architecture": text(r, &c.Architecture),
			"variant":      text(r, &c.Variant),
			"config":       func() { object(r, c.execution(r)) },
		}
	})
	return c, err
}

func (c *Config) execution(r *jsontext.Reader) fields {
	return fields{
		"User":         text(r, &c.User),
		"WorkingDir":   text(r, &c.WorkingDir),
		"StopSignal":   text(r, &c.StopSignal),
		"Env":          texts(r, &c.Env),
		"Entrypoint":   texts(r, &c.Entrypoint),
		"Cmd":          texts(r, &c.Cmd),
		"ExposedPorts": keys(r, &c.ExposedPorts),
		"Volumes":      keys(r, &c.Volumes),
		"Labels": func() {
			c.Labels = map[string]string{}
			for r.BeginObject(); r.Next(); {
				key := r.Key()
				c.Labels[key] = r.ReadString()
			}
		},
	}
}
