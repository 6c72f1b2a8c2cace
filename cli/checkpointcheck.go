package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/rung-oci/rung/libcontainer"
)

// checkpointDoc is a check in JSON, see docs/schema/checkpoint-check.json.
type checkpointDoc struct {
	ID       string       `json:"id"`
	Possible bool         `json:"possible"`
	CRIU     criuDoc      `json:"criu"`
	Blockers []blockerDoc `json:"blockers"`
	Lost     []int        `json:"lost"`
}

type criuDoc struct {
	Path      string `json:"path,omitempty"`
	Version   string `json:"version,omitempty"`
	PreDump   bool   `json:"pre_dump"`
	LazyPages bool   `json:"lazy_pages"`
}

type blockerDoc struct {
	Name string `json:"name"`
	PID  int    `json:"pid,omitempty"`
	FD   *int   `json:"fd,omitempty"`
	What string `json:"what"`
	Mend string `json:"mend,omitempty"`
}

// checkCheckpoint says what would stop a checkpoint: exit code 1 if something does.
func (a *app) checkCheckpoint(r *libcontainer.Runtime, id, format string, o *libcontainer.CheckpointOptions) error {
	if err := checkFormat(format, "text", "json"); err != nil {
		return err
	}
	check, err := r.Container(id).CheckCheckpoint(context.Background(), o)
	if err != nil {
		return err
	}
	if len(check.Blockers) > 0 {
		a.code = 1
	}
	out := checkpointText(check)
	if format == "json" {
		if out, err = indented(checkpointDocument(check)); err != nil {
			return err
		}
	}
	return a.print(out)
}

func checkpointText(check *libcontainer.CheckpointCheck) []byte {
	var b strings.Builder
	if check.Version != "" {
		able := map[bool]string{true: "yes", false: "no"}
		fmt.Fprintf(&b, "criu %s: %s, pre-dumps: %s, lazy pages: %s\n", check.Version, check.Program, able[check.PreDump], able[check.LazyPages])
	}
	for i := range check.Blockers {
		b.WriteString("! " + printable(check.Blockers[i].String()) + "\n")
	}
	for _, pid := range check.Lost {
		fmt.Fprintf(&b, "- process %d isn't dumped: it was started by an exec, and isn't a descendant of the container's init\n", pid)
	}
	if len(check.Blockers) == 0 {
		fmt.Fprintf(&b, "container %s: nothing would stop a checkpoint\n", check.ID)
	}
	return []byte(b.String())
}

func checkpointDocument(check *libcontainer.CheckpointCheck) *checkpointDoc {
	doc := &checkpointDoc{
		ID: check.ID, Possible: len(check.Blockers) == 0, Blockers: []blockerDoc{},
		Lost: append([]int{}, check.Lost...), CRIU: criuDoc{check.Program, check.Version, check.PreDump, check.LazyPages},
	}
	for i := range check.Blockers {
		b := &check.Blockers[i]
		one := blockerDoc{Name: b.Name, PID: b.PID, What: b.What, Mend: b.Mend}
		if b.FD >= 0 {
			one.FD = &b.FD
		}
		doc.Blockers = append(doc.Blockers, one)
	}
	return doc
}
