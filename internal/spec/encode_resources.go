package spec

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/jsontext"
)

// EncodeResources writes a linux.resources object that [DecodeResources] reads.
func EncodeResources(r *specs.LinuxResources) []byte {
	e := encoder{jsontext.NewWriter(make([]byte, 0, 1024), "")}
	e.w.BeginObject()
	array(&e, "devices", r.Devices, e.device)
	object(&e, "memory", r.Memory, e.memory)
	object(&e, "cpu", r.CPU, e.cpu)
	object(&e, "pids", r.Pids, func(p *specs.LinuxPids) { signed(&e, "limit", p.Limit) })
	object(&e, "blockIO", r.BlockIO, e.blockIO)
	array(&e, "hugepageLimits", r.HugepageLimits, func(l *specs.LinuxHugepageLimit) {
		e.text("pageSize", l.Pagesize)
		unsigned(&e, "limit", &l.Limit)
	})
	object(&e, "network", r.Network, e.network)
	if len(r.Rdma) > 0 {
		e.w.Key("rdma")
		e.w.BeginObject()
		for _, name := range slices.Sorted(maps.Keys(r.Rdma)) {
			l := r.Rdma[name]
			object(&e, name, &l, func(l *specs.LinuxRdma) {
				unsigned(&e, "hcaHandles", l.HcaHandles)
				unsigned(&e, "hcaObjects", l.HcaObjects)
			})
		}
		e.w.EndObject()
	}
	if len(r.Unified) > 0 {
		e.w.Key("unified")
		e.w.BeginObject()
		for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
			e.w.Key(file)
			e.w.String(r.Unified[file])
		}
		e.w.EndObject()
	}
	e.w.EndObject()
	return e.w.Bytes()
}

type encoder struct{ w jsontext.Writer }

func (e *encoder) device(d *specs.LinuxDeviceCgroup) {
	e.w.Key("allow")
	e.w.Bool(d.Allow)
	e.text("type", d.Type)
	signed(e, "major", d.Major)
	signed(e, "minor", d.Minor)
	e.text("access", d.Access)
}

func (e *encoder) memory(m *specs.LinuxMemory) {
	signed(e, "limit", m.Limit)
	signed(e, "reservation", m.Reservation)
	signed(e, "swap", m.Swap)
	unsigned(e, "swappiness", m.Swappiness)
	e.boolean("disableOOMKiller", m.DisableOOMKiller)
	e.boolean("checkBeforeUpdate", m.CheckBeforeUpdate)
}

func (e *encoder) cpu(c *specs.LinuxCPU) {
	unsigned(e, "shares", c.Shares)
	signed(e, "quota", c.Quota)
	unsigned(e, "burst", c.Burst)
	unsigned(e, "period", c.Period)
	signed(e, "realtimeRuntime", c.RealtimeRuntime)
	unsigned(e, "realtimePeriod", c.RealtimePeriod)
	e.text("cpus", c.Cpus)
	e.text("mems", c.Mems)
	signed(e, "idle", c.Idle)
}

func (e *encoder) blockIO(b *specs.LinuxBlockIO) {
	unsigned(e, "weight", b.Weight)
	unsigned(e, "leafWeight", b.LeafWeight)
	array(e, "weightDevice", b.WeightDevice, func(d *specs.LinuxWeightDevice) {
		e.number(&d.LinuxBlockIODevice)
		unsigned(e, "weight", d.Weight)
		unsigned(e, "leafWeight", d.LeafWeight)
	})
	for _, l := range [...]struct {
		key  string
		list []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		array(e, l.key, l.list, func(d *specs.LinuxThrottleDevice) {
			e.number(&d.LinuxBlockIODevice)
			unsigned(e, "rate", &d.Rate)
		})
	}
}

func (e *encoder) number(d *specs.LinuxBlockIODevice) {
	signed(e, "major", &d.Major)
	signed(e, "minor", &d.Minor)
}

func (e *encoder) network(n *specs.LinuxNetwork) {
	unsigned(e, "classID", n.ClassID)
	array(e, "priorities", n.Priorities, func(p *specs.LinuxInterfacePriority) {
		e.text("name", p.Name)
		unsigned(e, "priority", &p.Priority)
	})
}

// text leaves an empty string out, which means the same everywhere here.
func (e *encoder) text(key, s string) {
	if s != "" {
		e.w.Key(key)
		e.w.String(s)
	}
}

func (e *encoder) boolean(key string, b *bool) {
	if b != nil {
		e.w.Key(key)
		e.w.Bool(*b)
	}
}

func signed[T int64](e *encoder, key string, n *T) {
	if n != nil {
		e.w.Key(key)
		e.w.Int(int64(*n))
	}
}

func unsigned[T uint16 | uint32 | uint64](e *encoder, key string, n *T) {
	if n != nil {
		e.w.Key(key)
		e.w.Uint(uint64(*n))
	}
}

func object[T any](e *encoder, key string, v *T, members func(*T)) {
	if v == nil {
		return
	}
	e.w.Key(key)
	e.w.BeginObject()
	members(v)
	e.w.EndObject()
}

func array[T any](e *encoder, key string, list []T, members func(*T)) {
	if len(list) == 0 {
		return
	}
	e.w.Key(key)
	e.w.BeginArray()
	for i := range list {
		e.w.BeginObject()
		members(&list[i])
		e.w.EndObject()
	}
	e.w.EndArray()
}
