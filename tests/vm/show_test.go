package main

import (
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	const said = packageMark + `a
=== RUN   TestGood
    good_test.go:1: words
--- PASS: TestGood (0.00s)
=== RUN   TestPart
=== RUN   TestPart/b
    part_test.go:7: needs: a thing
=== RUN   TestPart/c
    part_test.go:8: not this
--- PASS: TestPart (0.00s)
    --- SKIP: TestPart/b (0.00s)
    --- PASS: TestPart/c (0.00s)
=== RUN   TestBad
    bad_test.go:2: wrong
=== RUN   TestBad/d
    bad_test.go:3: worse
--- FAIL: TestBad (0.00s)
    --- FAIL: TestBad/d (0.00s)
=== RUN   TestSkipped
    skipped_test.go:9: no thing
--- SKIP: TestSkipped (0.00s)
FAIL
` + packageMark + `b
=== RUN   TestDies
    dies_test.go:1: soon
panic: now`
	const want = packageMark + `a
    bad_test.go:2: wrong
    bad_test.go:3: worse
--- FAIL: TestBad (0.00s)
    --- FAIL: TestBad/d (0.00s)
FAIL
` + packageMark + `b
    dies_test.go:1: soon
panic: now
skipped: 2
  a TestPart/b: needs: a thing
  a TestSkipped: no thing
`
	for _, all := range []bool{false, true} {
		var got strings.Builder
		s := &show{to: &got, all: all}
		for _, part := range []string{said[:100], said[100:]} {
			if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		s.end()
		want := want
		if all {
			want = said + want[strings.Index(want, "\nskipped"):]
		}
		if got.String() != want {
			t.Errorf("all %v: shows\n%s\nwant\n%s", all, got.String(), want)
		}
	}
}
