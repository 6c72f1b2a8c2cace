package cli

import "github.com/rung-oci/rung/internal/resctrl"

// resctrl writes what intel_rdt holds.
func (w *statsWriter) resctrl(s *resctrl.Stats) {
	if s == nil {
		return
	}
	if c := s.Cache; c != nil {
		w.object("l3_cache_info", func() {
			w.text("cbm_mask", c.Mask)
			w.some("min_cbm_bits", c.MinBits)
			w.some("num_closids", c.Closes)
		})
	}
	w.text("l3_cache_schema_root", s.RootCache)
	w.text("l3_cache_schema", s.ClassCache)
	if b := s.Bandwidth; b != nil {
		w.object("mem_bw_info", func() {
			w.some("bandwidth_gran", b.Granularity)
			w.some("delay_linear", b.Linear)
			w.some("min_bandwidth", b.Min)
			w.some("num_closids", b.Closes)
		})
	}
	w.text("mem_bw_schema_root", s.RootBandwidth)
	w.text("mem_bw_schema", s.ClassBandwidth)
	w.list("schemata", len(s.Schemata), func(i int) { w.String(s.Schemata[i]) })
	w.list("mbm_stats", len(s.Domains), func(i int) {
		w.BeginObject()
		w.counter("mbm_total_bytes", s.Domains[i].TotalBytes)
		w.counter("mbm_local_bytes", s.Domains[i].LocalBytes)
		w.EndObject()
	})
	w.list("cmt_stats", len(s.Domains), func(i int) {
		w.BeginObject()
		w.counter("llc_occupancy", s.Domains[i].Occupancy)
		w.EndObject()
	})
}

func (w *statsWriter) text(key, s string) {
	if s != "" {
		w.Key(key)
		w.String(s)
	}
}

func (w *statsWriter) counter(key string, n *uint64) {
	if n != nil {
		w.some(key, *n)
	}
}

// list writes n elements, unless there are none.
func (w *statsWriter) list(key string, n int, element func(i int)) {
	if n == 0 {
		return
	}
	w.Key(key)
	w.BeginArray()
	for i := range n {
		element(i)
	}
	w.EndArray()
}
