package leftover

import (
	"testing"
	"time"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestJudge(t *testing.T) {
	ended := Facts{Record: Readable, Intent: Readable, SetUp: true, Age: time.Hour}
	with := func(edit func(f *Facts)) Facts {
		f := ended
		edit(&f)
		return f
	}
	for name, c := range map[string]struct {
		facts   Facts
		options Options
		reason  Reason
		keep    string
	}{
		"running":                       {facts: with(func(f *Facts) { f.Alive = true })},
		"created":                       {facts: with(func(f *Facts) { f.Alive, f.Age = true, 0 }), options: Options{Stopped: true}},
		"alive, whatever else":          {facts: Facts{Alive: true, Record: Broken, Deleted: true, Others: 1}, options: Options{Stopped: true}, reason: Damaged, keep: "its first process lives"},
		"another's":                     {facts: Facts{Foreign: true, Bygone: true}, options: Options{Stopped: true}},
		"nothing but a directory":       {facts: Facts{}, reason: CreateDied},
		"intent":                        {facts: Facts{Intent: Readable}, reason: CreateDied},
		"being created":                 {facts: Facts{Intent: Readable, Locked: true}, reason: Busy, keep: "another process is at work on it"},
		"intent, processes":             {facts: Facts{Intent: Readable, Others: 2}, reason: CreateDied, keep: "processes live in its cgroup: 2"},
		"damaged intent":                {facts: Facts{Intent: Broken}, reason: CreateDied, keep: "nothing that can be read says what is its own"},
		"damaged intent, before boot":   {facts: Facts{Intent: Broken, Bygone: true}, reason: OtherBoot},
		"damaged intent, good record":   {facts: with(func(f *Facts) { f.Intent, f.SetUp = Broken, false }), reason: CreateDied},
		"record, and died at once":      {facts: with(func(f *Facts) { f.SetUp = false }), reason: CreateDied},
		"ended":                         {facts: ended, reason: Ended, keep: "its engine may be about to delete it"},
		"ended, asked for":              {facts: ended, options: Options{Stopped: true}, reason: Ended},
		"ended, too young":              {facts: ended, options: Options{Stopped: true, Older: 2 * time.Hour}, reason: Ended, keep: "it is younger than asked for"},
		"ended, old enough":             {facts: ended, options: Options{Stopped: true, Older: time.Hour}, reason: Ended},
		"ended, processes":              {facts: with(func(f *Facts) { f.Others = 1 }), options: Options{Stopped: true}, reason: Ended, keep: "processes live in its cgroup: 1"},
		"ended, being deleted":          {facts: with(func(f *Facts) { f.Locked = true }), options: Options{Stopped: true}, reason: Ended, keep: "another process is at work on it"},
		"create died, too young":        {facts: Facts{Intent: Readable, Age: time.Second}, options: Options{Older: time.Minute}, reason: CreateDied, keep: "it is younger than asked for"},
		"delete died":                   {facts: with(func(f *Facts) { f.Deleted = true }), reason: DeleteDied},
		"hooks run":                     {facts: with(func(f *Facts) { f.Deleted, f.Locked = true, true }), reason: Busy, keep: "another process is at work on it"},
		"another boot":                  {facts: with(func(f *Facts) { f.Bygone = true }), reason: OtherBoot},
		"another boot, without record":  {facts: Facts{Bygone: true, Intent: Readable}, reason: OtherBoot},
		"damaged record":                {facts: with(func(f *Facts) { f.Record = Broken }), reason: Damaged},
		"damaged record, no intent":     {facts: Facts{Record: Broken, Intent: Broken}, reason: Damaged, keep: "nothing that can be read says what is its own"},
		"damaged record, intent gone":   {facts: Facts{Record: Broken}, reason: Damaged, keep: "nothing that can be read says what is its own"},
		"damaged record, no cgroup":     {facts: Facts{Record: Broken, Intent: Readable, Blind: true}, reason: Damaged, keep: "nothing says whether it lives"},
		"record gone, alive":            {facts: Facts{Intent: Readable, Alive: true}, reason: Lost, keep: "its first process lives"},
		"being created, alive":          {facts: Facts{Intent: Readable, Alive: true, Locked: true}},
		"of another pid namespace":      {facts: with(func(f *Facts) { f.Distant = true }), options: Options{Stopped: true}, reason: OutOfSight, keep: "it was created in another pid namespace, and may live there"},
		"there, create died":            {facts: Facts{Intent: Readable, Distant: true}, reason: OutOfSight, keep: "it was created in another pid namespace, and may live there"},
		"there, before boot":            {facts: with(func(f *Facts) { f.Distant, f.Bygone = true, true }), reason: OtherBoot},
		"there, being deleted":          {facts: with(func(f *Facts) { f.Distant, f.Deleted = true, true }), reason: DeleteDied},
		"cgroups out of view":           {facts: with(func(f *Facts) { f.Hidden = true }), options: Options{Stopped: true}, reason: Ended, keep: "its cgroups aren't where cgroups are mounted here"},
		"clock was set back: not older": {facts: Facts{Intent: Readable, Age: -time.Hour}, options: Options{Older: time.Second}, reason: CreateDied, keep: "it is younger than asked for"},
	} {
		if got := Judge(&c.facts, &c.options); got.Reason != c.reason || got.Keep != c.keep {
			t.Errorf("%s: %+v, want %q, %q", name, got, c.reason, c.keep)
		}
		if c.reason != None && c.reason.String() == "" {
			t.Errorf("%s has no words", c.reason)
		}
	}
}
