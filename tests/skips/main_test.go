package main

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	const said = `{"Action":"start","Package":"p/a"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"    one_test.go:7: needs a: b\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"    guard.go:37: residue 0\n"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"--- SKIP: TestOne (0.00s)\n"}
{"Action":"skip","Package":"p/a","Test":"TestOne"}
{"Action":"output","Package":"p/a","Test":"TestOne","Output":"    one_test.go:7: needs a: b\n"}
{"Action":"skip","Package":"p/a","Test":"TestOne"}
{"Action":"output","Package":"p/a","Test":"TestTwo","Output":"    two_test.go:9: wrong\n"}
{"Action":"fail","Package":"p/a","Test":"TestTwo"}
{"Action":"output","Package":"p/a","Test":"TestThree","Output":"    three_test.go:9: fine\n"}
{"Action":"pass","Package":"p/a","Test":"TestThree/part","Elapsed":7}
{"Action":"pass","Package":"p/a","Test":"TestThree","Elapsed":7}
{"Action":"pass","Package":"p/a","Test":"TestThree","Elapsed":8}
{"Action":"skip","Package":"p/a","Test":"TestFour"}
{"Action":"output","Package":"p/a","Test":"TestThree","Output":"    three_test.go:9: a short test runs it in another view\n"}
{"Action":"skip","Package":"p/a","Test":"TestThree"}
{"Action":"output","Package":"p/a","Test":"TestFive","Output":"    five_test.go:9: a short test runs it in one view\n"}
{"Action":"skip","Package":"p/a","Test":"TestFive"}
{"Action":"output","Package":"p/a","Output":"FAIL\tp/a\n"}
{"Action":"fail","Package":"p/a","Elapsed":1.5}
{"Action":"output","Package":"p/b","Output":"PASS\n"}
{"Action":"output","Package":"p/b","Output":"ok  \tp/b\n"}
{"Action":"pass","Package":"p/b"}
{"Action":"build-output","ImportPath":"p/c","Output":"c.go:1: undefined: x\n"}
no event`
	const want = `    two_test.go:9: wrong
FAIL	p/a
ok  	p/b
c.go:1: undefined: x
no event
  passed  failed  skipped  seconds  package
       3       1        5        2  p/a
15 s  p/a TestThree
in one view each: 1 (make test-views: in all)
skipped: 2
  1× p/a TestFour: no reason
  2× p/a TestOne: needs a: b
in no view: p/a TestFive
`
	r := newRun()
	var got strings.Builder
	r.read(strings.NewReader(said), &got)
	got.WriteString("\n")
	if r.table(&got) {
		t.Error("a test that no view had is no fault")
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
