package option

import (
	"reflect"
	"testing"
)

func TestSplit(t *testing.T) {
	for entry, want := range map[string][]string{
		"":                                     {""},
		"ro":                                   {"ro"},
		"size=64k,mode=700":                    {"size=64k", "mode=700"},
		"ro,size=64k,nosuid":                   {"ro", "size=64k", "nosuid"},
		"size=64k,":                            {"size=64k", ""},
		",ro":                                  {"", "ro"},
		"lowerdir=/a,b:/c":                     {"lowerdir=/a,b:/c"},
		"lowerdir=/a,upperdir=/b":              {"lowerdir=/a", "upperdir=/b"},
		`lowerdir=/a\,b,upperdir=/b`:           {`lowerdir=/a\,b`, "upperdir=/b"},
		"lowerdir=/a,/b":                       {"lowerdir=/a,/b"},
		"context=system_u:object_r:x:s0:c1,c2": {"context=system_u:object_r:x:s0:c1,c2"},
		`size=1k,rootcontext="a:b:c:s0:c1,c2",mode=7`: {"size=1k", `rootcontext="a:b:c:s0:c1,c2"`, "mode=7"},
		`x="a,b",ro`: {`x="a,b"`, "ro"},
		`a\`:         {`a\`},
		`a,b\`:       {`a,b\`},
	} {
		if got := split(entry); !reflect.DeepEqual(got, want) {
			t.Errorf("split(%q) = %q, want %q", entry, got, want)
		}
	}
}
