package spec

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Every field comes back, but those that nothing reads: kernel memory and the
// hierarchy of memory.
func TestEncodeResources(t *testing.T) {
	const text = `{"devices":[{"allow":true,"type":"c","major":0,"minor":-1,"access":"rw"},{"allow":false}],
"memory":{"limit":-1,"reservation":2,"swap":-1,"swappiness":0,"disableOOMKiller":false,"checkBeforeUpdate":true},
"cpu":{"shares":5,"quota":-1,"burst":0,"period":6,"realtimeRuntime":7,"realtimePeriod":8,"cpus":"0-1","mems":"0","idle":0},
"pids":{"limit":0},
"blockIO":{"weight":10,"leafWeight":11,"weightDevice":[{"major":8,"minor":0,"weight":12,"leafWeight":13}],
"throttleReadBpsDevice":[{"major":8,"minor":1,"rate":1}],"throttleWriteBpsDevice":[{"major":8,"minor":2,"rate":2}],
"throttleReadIOPSDevice":[{"major":8,"minor":3,"rate":3}],"throttleWriteIOPSDevice":[{"major":8,"minor":4,"rate":0}]},
"hugepageLimits":[{"pageSize":"2MB","limit":9}],
"network":{"classID":3,"priorities":[{"name":"eth0","priority":4}]},
"rdma":{"mlx\"0":{"hcaHandles":1,"hcaObjects":2}},
"unified":{"memory.high":"1\n2","io.max":"8:0 rbps=1"}}`
	want, _, err := DecodeResources([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	out := EncodeResources(want)
	got, _, err := DecodeResources(out)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%s", err, out)
	}
	// No field of the type is missing in the text above.
	missing(t, "", reflect.ValueOf(*want))
	if got := string(EncodeResources(&specs.LinuxResources{})); got != "{}" {
		t.Errorf("EncodeResources() of nothing = %s", got)
	}
	var other specs.LinuxResources
	if err := json.Unmarshal(out, &other); err != nil || !reflect.DeepEqual(&other, want) {
		t.Errorf("another decoder reads %+v, %v", other, err)
	}
}

func missing(t *testing.T, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		missing(t, path, v.Elem())
	case reflect.Slice:
		missing(t, path, v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			name, f := v.Type().Field(i).Name, v.Field(i)
			if strings.HasPrefix(name, "Kernel") || name == "UseHierarchy" {
				continue
			}
			if f.Kind() != reflect.Struct && f.Kind() != reflect.Bool && !strings.HasSuffix(path, "number") && (f.Kind() == reflect.Pointer || f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.IsNil() {
				t.Errorf("%s.%s is not tested", path, name)
				continue
			}
			missing(t, path+"."+name, f)
		}
	}
}
