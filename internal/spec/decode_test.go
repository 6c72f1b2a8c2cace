package spec

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{`null`, `config.json: expected an object, got null (line 1, column 1)`},
		{`[]`, `config.json: expected an object, got an array (line 1, column 1)`},
		{``, `config.json: expected a value, got the end of the document (line 1, column 1)`},
		{`{"process":{"args":["a",1]}}`, `config.json: process.args[1]: expected a string, got a number (line 1, column 25)`},
		{`{"process":{"args":["a",null]}}`, `config.json: process.args[1]: expected a string, got null (line 1, column 25)`},
		{`{"mounts":[null]}`, `config.json: mounts[0]: expected an object, got null (line 1, column 12)`},
		{`{"annotations":{"a b":null}}`, `config.json: annotations["a b"]: expected a string, got null (line 1, column 23)`},
		{`{"process":"sh"}`, `config.json: process: expected an object, got a string (line 1, column 12)`},
		{`{"linux":{"resources":{"CPU":1}}}`, `config.json: linux.resources.CPU: expected an object, got a number (line 1, column 30)`},
		{`{"process":{"user":{"uid":4294967296}}}`, `process.user.uid: 4294967296 is out of range: from 0 to 4294967295`},
		{`{"process":{"user":{"uid":-1}}}`, `process.user.uid: -1 is out of range`},
		{`{"process":{"user":{"uid":1.0}}}`, `process.user.uid: expected an integer, got 1.0`},
		{`{"process":{"oomScoreAdj":1e2}}`, `process.oomScoreAdj: expected an integer, got 1e2`},
		{`{"linux":{"resources":{"memory":{"limit":1e400}}}}`, `linux.resources.memory.limit: expected an integer, got 1e400`},
		{`{"linux":{"resources":{"memory":{"limit":9223372036854775808}}}}`, `linux.resources.memory.limit: 9223372036854775808 is out of range`},
		{`{"linux":{"resources":{"blockIO":{"weight":65536}}}}`, `linux.resources.blockIO.weight: 65536 is out of range: from 0 to 65535`},
		{`{"process":{"cwd":1,"args":{},"env":["a",true]},"root":[]}`, `config.json: process.cwd: expected a string, got a number (line 1, column 19); ` +
			`process.args: expected an array, got an object (line 1, column 28); process.env[1]: expected a string, got a boolean (line 1, column 42); ` +
			`root: expected an object, got an array (line 1, column 56)`},
		{`{"process":{"cwd":1,"args":["\u0000"]}}`, `config.json: process.cwd: expected a string, got a number (line 1, column 19); ` +
			`process.args[0]: string contains a NUL byte (line 1, column 30)`},
		{`{"linux":{"sysctl":{"a":"1","a":"2"}}}`, `duplicate key "a" (line 1, column 29)`},
		{`{"x":{"a":1,"a":2}}`, `x: duplicate key "a"`},
		{`{"hostname":"x","root":{"path":"x"},"hostname":"y"}`, `config.json: hostname: duplicate key "hostname" (line 1, column 37)`},
		{`{"linux":{"sysctl":{"a":"1","b":"2","a":"3"}}}`, `linux.sysctl["a"]: duplicate key "a"`},
		{`{"linux":{"resources":{"memory":{"limit":5,"swap":4,"limit":3}}}}`, `linux.resources.memory.limit: duplicate key "limit"`},
		{`{"hostname":"x","root":{"x":{"a":1,"a":2}},"hostname":"y"}`, `root.x: duplicate key "a"`},
		{`{"hostname":"a"} {}`, `config.json: expected the end of the document, got '{' (line 1, column 18)`},
		{`{"x":` + strings.Repeat("[", 100000), `x: exceeded max depth`},
		{`{"hostname":nil}`, `hostname: expected null`},
		{`{"process":{"args":[` + strings.Repeat("1,", 1000) + `1]}}`, `and 81 more`},
		{`{"process":{"user":{"additionalGids":[` + strings.Repeat("-1,", 1000) + `1]}}}`, `and 81 more`},
	} {
		s, err := Decode([]byte(tt.doc))
		if s != nil || err == nil {
			t.Errorf("Decode(%.80s) = %+v, %v, want an error", tt.doc, s, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Decode(%.80s): error\n\t%s\nwant\n\t%s", tt.doc, err, tt.want)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("Decode(%.80s): more than one line: %q", tt.doc, err)
		}
	}
}

func TestDecodeDocuments(t *testing.T) {
	_, _, err := DecodeProcess([]byte(`{"args":[1]}`))
	if want := `process.args[0]: expected a string, got a number (line 1, column 10)`; err == nil || err.Error() != want {
		t.Errorf("DecodeProcess: error %v, want %s", err, want)
	}
	_, _, err = DecodeResources([]byte(`{"pids":{"limit":"1"}}`))
	if want := `linux.resources.pids.limit: expected a number, got a string (line 1, column 18)`; err == nil || err.Error() != want {
		t.Errorf("DecodeResources: error %v, want %s", err, want)
	}
	r, _, err := DecodeResources([]byte(`{"pids":{"limit":7}}`))
	if err != nil || *r.Pids.Limit != 7 {
		t.Errorf("DecodeResources = %+v, %v, want a limit of 7", r, err)
	}
}

// Keys that differ in case are unknown ones, but for two; there is a warning for each.
func TestDecodeCase(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		want []string
		got  func(*specs.Spec) bool
	}{
		{"{\"process\":\n {\"Args\":[]}}", []string{`process.Args: unknown key is ignored, did you mean "args"? keys are case-sensitive (line 2, column 10)`}, nil},
		{`{"OCIVERSION":1}`, []string{`OCIVERSION: unknown key is ignored, did you mean "ociVersion"? keys are case-sensitive (line 1, column 15)`}, nil},
		{`{"linux":{"ſysctl":{}}}`, []string{`linux.ſysctl: unknown key is ignored, did you mean "sysctl"? keys are case-sensitive (line 1, column 21)`}, nil},
		{`{"hostnames":1,"x":2}`, nil, nil},
		{`{"annotations":{"A":"1","a":"2"}}`, nil, func(s *specs.Spec) bool { return len(s.Annotations) == 2 }},
		{
			`{"linux":{"resources":{"CPU":{"shares":7}}}}`,
			[]string{`linux.resources.CPU: is taken for "cpu": keys are case-sensitive (line 1, column 30)`},
			func(s *specs.Spec) bool { return *s.Linux.Resources.CPU.Shares == 7 },
		},
		{
			`{"linux":{"resources":{"cpu":{"shares":7},"CPU":{"shares":8,"quota":9}}}}`,
			[]string{`linux.resources.CPU: is ignored: "cpu" is there too, and keys are case-sensitive (line 1, column 49)`},
			func(s *specs.Spec) bool {
				return *s.Linux.Resources.CPU.Shares == 7 && s.Linux.Resources.CPU.Quota == nil
			},
		},
		{
			`{"linux":{"resources":{"CPU":{"shares":8,"quota":9},"cpu":{"shares":7}}}}`,
			[]string{`linux.resources.CPU: is taken for "cpu": keys are case-sensitive (line 1, column 30)`},
			func(s *specs.Spec) bool {
				return *s.Linux.Resources.CPU.Shares == 7 && s.Linux.Resources.CPU.Quota == nil
			},
		},
		{
			`{"linux":{"resources":{"hugepageLimits":[{"limit":1,"pageSize":"2MB"},{"pagesize":"4MB","limit":2}]}}}`,
			[]string{`linux.resources.hugepageLimits[1].pagesize: is taken for "pageSize": keys are case-sensitive (line 1, column 83)`},
			func(s *specs.Spec) bool { return s.Linux.Resources.HugepageLimits[1].Pagesize == "4MB" },
		},
		{`{"linux":{"resources":{"Cpu":{},"hugepageLimits":[{"Pagesize":""}]}}}`, []string{
			`linux.resources.Cpu: unknown key is ignored, did you mean "cpu"? keys are case-sensitive (line 1, column 30)`,
			`linux.resources.hugepageLimits[0].Pagesize: unknown key is ignored, did you mean "pageSize"? keys are case-sensitive (line 1, column 63)`,
		}, func(s *specs.Spec) bool { return s.Linux.Resources.CPU == nil }},
	} {
		s, d := decode([]byte(tt.doc))
		if len(d.errs) > 0 || !slices.Equal(d.warnings.texts(), tt.want) {
			t.Errorf("decode(%s): errors %v, warnings\n\t%q, want\n\t%q", tt.doc, d.errs, d.warnings, tt.want)
		}
		if tt.got != nil && !tt.got(s) {
			t.Errorf("decode(%s) = %+v", tt.doc, s.Linux)
		}
	}
	if _, d := decode([]byte(`{"mounts":[` + strings.Repeat(`{"Type":""},`, 1000) + `{}]}`)); len(d.warnings) != maxErrors {
		t.Errorf("%d warnings, want %d", len(d.warnings), maxErrors)
	}
}

// Unknown keys are ignored, null is absent, and what other platforms have is not looked at.
func TestDecodeLenient(t *testing.T) {
	for _, doc := range []string{
		`{"x":[1,{"y":null}],"windows":{"layerFolders":5},"solaris":1,"vm":[],"zos":"","freebsd":{}}`,
		`{"process":null,"root":null,"hostname":null,"mounts":null,"hooks":null,"annotations":null,"linux":null}`,
		`{"ociVersion":null}`,
		`{}`,
	} {
		s, err := Decode([]byte(doc))
		if err != nil || !reflect.DeepEqual(s, new(specs.Spec)) {
			t.Errorf("Decode(%s) = %+v, %v, want an empty Spec", doc, s, err)
		}
	}
	p, _, err := DecodeProcess([]byte(`{"commandLine":5,"user":{"username":[],"umask":null,"additionalGids":null},"terminal":null,"oomScoreAdj":null}`))
	if err != nil || !reflect.DeepEqual(p, new(specs.Process)) {
		t.Errorf("DecodeProcess = %+v, %v, want an empty Process", p, err)
	}
}

// fill sets every field that can be reached to something that is not its zero value, so that a
// field which the generator forgets is missed.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			platform := v.Type().Field(i).Tag.Get("platform")
			if platform == "" || strings.Contains(platform, "linux") {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 6, 6))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range 3 {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, n)
			v.SetMapIndex(reflect.ValueOf("key "+strconv.Itoa(i)), e)
		}
	case reflect.String:
		v.SetString("text " + strconv.Itoa(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*n))
	default:
		v.SetUint(uint64(*n % 65536))
	}
}

func TestDecodeEveryField(t *testing.T) {
	want, n := new(specs.Spec), 0
	fill(reflect.ValueOf(want).Elem(), &n)
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Decode of a full Spec = %+v, want %+v", got, want)
	}
}

// A document that both take means the same to both; and Validate panics on nothing.
func FuzzDecode(f *testing.F) {
	for _, kind := range []string{"config", "process"} {
		for i, file := range engineFiles(f, kind) {
			if i%8 == 0 {
				f.Add(read(f, file))
			}
		}
	}
	full, n := new(specs.Spec), 0
	fill(reflect.ValueOf(full).Elem(), &n)
	data, _ := json.Marshal(full)
	f.Add(data)
	f.Add([]byte(`{"process":{"args":["a"],"user":{"umask":null}},"linux":{"resources":{"blockIO":{"weightDevice":[{"major":1}]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		got, err := Decode(data)
		if !bytes.Equal(before, data) {
			t.Fatal("Decode changed its input")
		}
		partial, d := decode(data)
		_ = Validate(partial)
		if err != nil || len(d.warnings) > 0 { // keys that differ in case, which encoding/json takes
			return
		}
		_, _ = Validate(got), Warnings(got)
		want := new(specs.Spec)
		if err := json.Unmarshal(data, want); err != nil {
			if !json.Valid(data) {
				t.Errorf("Decode took what is not JSON: %v", err)
			}
			return // a section for another platform
		}
		want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
		if want.Process != nil {
			want.Process.CommandLine, want.Process.User.Username = "", ""
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Decode = %+v, want %+v", got, want)
		}
	})
}
