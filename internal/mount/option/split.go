package option

import "strings"

// split takes an entry of the options apart that holds several words, as mount(8) takes
// them and runc and crun hand them to the kernel: "size=64k,mode=700". A comma separates
// where a word follows; in a label, a quoted text, or before what is no word, as in a
// path, it is part of the value.
func split(entry string) []string {
	if !strings.Contains(entry, ",") {
		return []string{entry}
	}
	var words []string
	for start, i, quoted := 0, 0, false; ; i++ {
		switch {
		case i == len(entry):
			return append(words, entry[start:])
		case entry[i] == '"':
			quoted = !quoted
		case entry[i] == '\\':
			i = min(i+1, len(entry)-1)
		case entry[i] == ',' && !quoted && beginsWord(entry[i+1:]) && !labels(entry[start:i]):
			words = append(words, entry[start:i])
			start = i + 1
		}
	}
}

// beginsWord tells whether a text begins with the name of an option, or is at its end.
func beginsWord(text string) bool {
	end := strings.IndexAny(text, "=,")
	if end < 0 {
		end = len(text)
	}
	for _, c := range []byte(text[:end]) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// labels tells whether a word is an SELinux label, whose categories have commas.
func labels(word string) bool {
	key, _, ok := strings.Cut(word, "=")
	return ok && strings.HasSuffix(key, "context") && !strings.Contains(word, `"`)
}
