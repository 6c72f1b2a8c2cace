package state

import (
	"encoding/hex"
	"unicode/utf8"

	"github.com/rung-oci/rung/internal/jsontext"
)

// bytesSuffix ends the key of a path that JSON can't hold, in hexadecimal digits.
const bytesSuffix = "_bytes"

// hostPath writes a path of the host's, which need not be UTF-8: later verbs go there. Who reads the key alone gets the replacement characters that
// runc writes.
func hostPath(w *jsontext.Writer, key, path string) {
	str(w, key, path)
	if !utf8.ValidString(path) {
		str(w, key+bytesSuffix, hex.EncodeToString([]byte(path)))
	}
}

// readBytes reads what hostPath has written beside a path.
func readBytes(r *jsontext.Reader, path *string) {
	text, err := hex.DecodeString(r.ReadString())
	if err != nil {
		r.Fail("is not a path in hexadecimal digits")
		return
	}
	*path = string(text)
}
