package main

import "testing"

const output = `=== RUN   TestDocker
    cases_test.go:150:
        | Docker, systemd, v2 | rung | runc | crun |
        |---|---|---|---|
        | run | ok | ok | – |
        | -m | ok | FAIL | – |
        | -t | FAIL | ok | – |
        | -u | ok | – | – |

    | stray | line |
--- PASS: TestDocker (3.00s)
`

const want = `| engine | cases | rung | runc | crun |
|---|---:|---:|---:|---:|
| Docker, systemd, v2 | 4 | 3 | 2 of 3 | – |

| engine | case | rung | runc | crun |
|---|---|---|---|---|
| Docker, systemd, v2 | -m | ok | FAIL | – |
| Docker, systemd, v2 | -t | FAIL | ok | – |
`

func TestTables(t *testing.T) {
	got := format(merge(parse(output), parse(output)))
	if got != want {
		t.Errorf("tables:\n%s\nwant:\n%s", got, want)
	}
	page, err := replace("a\n"+begin+"old\n"+end+"z\n", got)
	if err != nil || page != "a\n"+begin+want+end+"z\n" {
		t.Errorf("page %q, %v", page, err)
	}
	if _, err := replace("no place", got); err == nil {
		t.Error("a page without a place is changed")
	}
}
