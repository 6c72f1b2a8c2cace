package top

import (
	"slices"
	"time"
)

// A View is what is shown of the rows, and how. Keys change it.
type View struct {
	Sort     string // one of Keys
	Reverse  bool
	ASCII    bool // the terminal has no Unicode
	Roots    bool // containers are of several state directories
	Interval time.Duration

	Time  string   // when the rows were read
	Ended int      // containers that have ended
	Notes []string // what couldn't be read

	Help, Page, Paused bool

	selected string // key of a row
	at       int    // where that was last
	first    int    // row that is on top
}

func (v *View) steps() []rune {
	if v.ASCII {
		return ascii[:]
	}
	return blocks[:]
}

// A Key is one that was pressed.
type Key int

// The keys that mean something.
const (
	Quit Key = iota
	Up
	Down
	PageUp
	PageDown
	Home
	End
	NextSort
	Reverse
	Help
	Pause
	Enter
	Back
)

// sequences are what terminals send for keys, the longer first where one begins another.
var sequences = [...]struct {
	text string
	key  Key
}{
	{"\x1b[A", Up},
	{"\x1bOA", Up},
	{"\x1b[B", Down},
	{"\x1bOB", Down},
	{"\x1b[5~", PageUp},
	{"\x1b[6~", PageDown},
	{"\x1b[H", Home},
	{"\x1bOH", Home},
	{"\x1b[1~", Home},
	{"\x1b[F", End},
	{"\x1bOF", End},
	{"\x1b[4~", End},
	{"q", Quit},
	{"\x03", Quit},
	{"k", Up},
	{"j", Down},
	{"g", Home},
	{"G", End},
	{"s", NextSort},
	{"r", Reverse},
	{"?", Help},
	{" ", Pause},
	{"\r", Enter},
	{"\n", Enter},
	{"h", Enter},
}

// Pressed says which keys were pressed, by what has come from the terminal.
func Pressed(text []byte) (keys []Key) {
	for len(text) > 0 {
		n := 1
		known := false
		for _, s := range sequences {
			if len(text) >= len(s.text) && string(text[:len(s.text)]) == s.text {
				keys, n, known = append(keys, s.key), len(s.text), true
				break
			}
		}
		if !known && text[0] == 0x1b {
			if n = escape(text); n == 1 {
				keys = append(keys, Back)
			}
		}
		text = text[n:]
	}
	return keys
}

// escape is the length of a sequence that means nothing to us; of the key alone 1.
func escape(text []byte) int {
	if len(text) < 2 || text[1] != '[' && text[1] != 'O' {
		return 1
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= '@' && text[i] <= '~' {
			return i + 1
		}
	}
	return len(text)
}

// Press does what a key means, and tells whether that is to quit. Room is how many lines the terminal has.
func (v *View) Press(k Key, rows []Row, height int) (quit bool) {
	page := max(1, height-around)
	if v.Help && k != Quit {
		v.Help = false
		return false
	}
	switch k {
	case Quit:
		return true
	case Up:
		v.move(rows, -1)
	case Down:
		v.move(rows, 1)
	case PageUp:
		v.move(rows, -page)
	case PageDown:
		v.move(rows, page)
	case Home:
		v.move(rows, -len(rows))
	case End:
		v.move(rows, len(rows))
	case NextSort:
		v.Sort = Keys[(slices.Index(Keys[:], v.Sort)+1)%len(Keys)]
		Sort(rows, v.Sort, v.Reverse)
	case Reverse:
		v.Reverse = !v.Reverse
		Sort(rows, v.Sort, v.Reverse)
	case Help:
		v.Help = true
	case Pause:
		v.Paused = !v.Paused
	case Enter:
		if !v.Page && v.selected == "" {
			v.move(rows, 0)
		}
		v.Page = !v.Page && len(rows) > 0
	case Back:
		v.Page = false
	}
	return false
}

// find is where the selected row is, -1 if there is none any more.
func (v *View) find(rows []Row) int {
	return slices.IndexFunc(rows, func(r Row) bool { return r.key() == v.selected })
}

// move selects another row: the first one, if none was.
func (v *View) move(rows []Row, by int) {
	if len(rows) == 0 {
		return
	}
	i := v.find(rows)
	if i < 0 && v.selected == "" && by == 1 {
		by = 0
	}
	if i < 0 {
		i = v.at
	}
	v.at = max(0, min(i+by, len(rows)-1))
	v.selected = rows[v.at].key()
}

// scroll has the selected row in sight. Where its container has gone, the one in its place is selected.
func (v *View) scroll(rows []Row, room int) {
	if v.selected != "" {
		if i := v.find(rows); i >= 0 {
			v.at = i
		} else {
			v.move(rows, 0)
		}
		v.first = max(min(v.first, v.at), v.at-room+1)
	}
	v.first = max(0, min(v.first, len(rows)-room))
}
