package fleet

import "testing"

// Other runtimes' records are read by a root that trusts none of them.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"init_process_pid":5,"init_process_start":7,"cgroup_paths":{"pids":"/x"},"created":"2026-01-02T03:04:05Z"}`,
		`{"pid":5,"process-start-time":7,"cgroup-path":":x:y","created":"2026-01-02T03:04:05.5Z"}`, `{"pid":-1}`, `{"pid":1e9}`, "null", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := decode(text)
		if err == nil && (r.pid < 0 || r.pid != 0 && r.start == 0 && r.created.IsZero() && len(text) > 0) {
			t.Errorf("%+v", r)
		}
	})
}
