package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/rung-oci/rung/internal/timeline"
)

func sample() []byte {
	a, b := &timeline.Track{Name: "runtime"}, &timeline.Track{Name: "builder"}
	a.Add(timeline.Span{Name: "read configuration", Begin: 1_000_000, End: 1_100_000})
	a.Add(timeline.Span{Name: "wait", Begin: 1_100_000, End: 2_000_000})
	b.Add(timeline.Span{Name: "mount <x> at \x1b[1m", Begin: 1_500_000, End: 1_500_500})
	return timeline.Chrome("rung run \"a&b\"", a, b, &timeline.Track{Name: "nobody"})
}

func TestDrawText(t *testing.T) {
	d, err := readDrawing(sample())
	if err != nil {
		t.Fatal(err)
	}
	want := `rung run "a&b": 1000 µs

runtime
      0.0     100.0 |█████                                           | read configuration
    100.0     900.0 |    ████████████████████████████████████████████| wait

builder
    500.0       0.5 |                        █                       | mount <x> at ?[1m
`
	if got := drawText(d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDrawSVG(t *testing.T) {
	d, err := readDrawing(sample())
	if err != nil {
		t.Fatal(err)
	}
	got := drawSVG(d)
	for _, want := range []string{
		"<svg xmlns=", "rung run &quot;a&amp;b&quot;: 1000 µs", ">builder</text>", "mount &lt;x&gt; at ?[1m</text>", `width="684.0"`, "</svg>\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the drawing lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "nobody") || strings.ContainsRune(got, 0x1b) {
		t.Errorf("the drawing has too much:\n%s", got)
	}
}

func FuzzReadDrawing(f *testing.F) {
	f.Add(sample())
	f.Add([]byte(`{"traceEvents":[{"ph":"X","ts":1e308,"dur":1e308}]}`))
	f.Add([]byte(`{"traceEvents":[{"ph":"X","ts":0,"dur":1}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := readDrawing(data)
		if err != nil {
			if !errors.Is(err, errNoTimeline) {
				t.Errorf("error %v", err)
			}
			return
		}
		_, _ = drawText(d), drawSVG(d)
	})
}
