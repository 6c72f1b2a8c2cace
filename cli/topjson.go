package cli

import (
	"encoding/json"
	"math"
	"time"

	"github.com/rung-oci/rung/cgroups/gauge"
	"github.com/rung-oci/rung/internal/top"
)

// topDoc is a line of top --format json, see docs/schema/top.json. What isn't known is left out.
type topDoc struct {
	Time       time.Time `json:"time"`
	Seconds    float64   `json:"seconds"`
	Containers []topJSON `json:"containers"`
	Ended      int       `json:"ended"`
	Notes      []string  `json:"notes"`
}

type topJSON struct {
	ID     string `json:"id"`
	Root   string `json:"root"`
	Status string `json:"status"`
	PID    int    `json:"pid"`
	CPU    struct {
		Percent          *float64 `json:"percent,omitempty"`
		ThrottledPercent *float64 `json:"throttledPercent,omitempty"`
		Usage            *uint64  `json:"usage,omitempty"`
		ThrottledTime    *uint64  `json:"throttledTime,omitempty"`
	} `json:"cpu"`
	Memory struct {
		Current *uint64 `json:"current,omitempty"`
		High    *uint64 `json:"high,omitempty"`
		Max     *uint64 `json:"max,omitempty"`
		Swap    *uint64 `json:"swap,omitempty"`
	} `json:"memory"`
	Pids struct {
		Current *uint64 `json:"current,omitempty"`
		Max     *uint64 `json:"max,omitempty"`
	} `json:"pids"`
	IO struct {
		ReadPerSecond    *float64 `json:"readPerSecond,omitempty"`
		WrittenPerSecond *float64 `json:"writtenPerSecond,omitempty"`
		Read             *uint64  `json:"read,omitempty"`
		Written          *uint64  `json:"written,omitempty"`
	} `json:"io"`
	Pressure struct {
		CPU    *pressureJSON `json:"cpu,omitempty"`
		Memory *pressureJSON `json:"memory,omitempty"`
		IO     *pressureJSON `json:"io,omitempty"`
	} `json:"pressure"`
	OOMKills *uint64 `json:"oomKills,omitempty"`
}

type pressureJSON struct {
	Some float64 `json:"some"`
	Full float64 `json:"full"`
}

// topDocument is the line for what was looked at last.
func topDocument(w *watch) []byte {
	doc := topDoc{
		Time: w.at.UTC(), Seconds: rounded(w.since.Seconds()), Ended: w.view.Ended,
		Containers: make([]topJSON, len(w.rows)), Notes: append([]string{}, w.view.Notes...),
	}
	for i := range w.rows {
		topContainer(&doc.Containers[i], &w.rows[i])
	}
	out, _ := json.Marshal(doc) // of numbers that are finite, and texts
	return append(out, '\n')
}

func topContainer(j *topJSON, r *top.Row) {
	u := &r.Usage
	j.ID, j.Root, j.Status, j.PID = r.ID, r.Root, r.Status, r.PID
	j.CPU.Percent, j.CPU.ThrottledPercent = known(r.CPU), known(r.Throttled)
	j.CPU.Usage, j.CPU.ThrottledTime = exact(u.CPU), exact(u.ThrottledTime)
	j.Memory.Current, j.Memory.High, j.Memory.Max, j.Memory.Swap = exact(u.Memory), exact(u.High), exact(u.Max), exact(u.Swap)
	j.Pids.Current, j.Pids.Max = exact(u.Pids), exact(u.PidsMax)
	j.IO.ReadPerSecond, j.IO.WrittenPerSecond, j.IO.Read, j.IO.Written = known(r.Read), known(r.Written), exact(u.Read), exact(u.Written)
	j.Pressure.CPU, j.Pressure.Memory, j.Pressure.IO = pressed(u.Pressure[gauge.CPU]), pressed(u.Pressure[gauge.Memory]), pressed(u.Pressure[gauge.IO])
	j.OOMKills = exact(u.OOMKills)
}

func exact(n gauge.Number) *uint64 {
	if !n.Known {
		return nil
	}
	return &n.Value
}

func known(r top.Rate) *float64 {
	if !r.Known {
		return nil
	}
	v := rounded(r.Value)
	return &v
}

func pressed(p gauge.Pressure) *pressureJSON {
	if !p.Known {
		return nil
	}
	return &pressureJSON{p.Some, p.Full}
}

// rounded is a number to thousandths.
func rounded(f float64) float64 { return math.Round(f*1000) / 1000 }
