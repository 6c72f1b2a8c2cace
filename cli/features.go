package cli

import (
	"encoding/json"

	urfave "github.com/urfave/cli/v3"

	"github.com/rung-oci/rung/internal/spec"
)

var featuresCommand = command{
	name:  "features",
	usage: "show what rung supports",
	description: `Writes what rung implements, whatever the host can do, as the JSON of the OCI
runtime specification's features.md.

EXAMPLE:
   # rung features`,
	build: func(a *app, _ *urfave.Command) action {
		return func([]string) error {
			if err := a.begin(); err != nil {
				return err
			}
			text, err := json.MarshalIndent(spec.Features(a.built()), "", "    ")
			if err != nil {
				return err
			}
			return a.print(append(text, '\n'))
		}
	},
}
