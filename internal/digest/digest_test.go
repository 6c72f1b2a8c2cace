package digest

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"testing"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func check(t *testing.T, text []byte) {
	t.Helper()
	if want := sha256.Sum256(text); !bytes.Equal(SHA256(text), want[:]) {
		t.Errorf("SHA-256 of %d bytes: %x, want %x", len(text), SHA256(text), want)
	}
	if want := sha512.Sum512(text); !bytes.Equal(SHA512(text), want[:]) {
		t.Errorf("SHA-512 of %d bytes: %x, want %x", len(text), SHA512(text), want)
	}
}

// Texts of every length around the ends of blocks, and a long one.
func TestLengths(t *testing.T) {
	text := make([]byte, 600)
	for i := range text {
		text[i] = byte(i * 7)
	}
	for n := range text {
		check(t, text[:n])
	}
	check(t, bytes.Repeat(text, 2000))
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, text []byte) { check(t, text) })
}
