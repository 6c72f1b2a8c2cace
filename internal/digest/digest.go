// Package digest has the digests by which documents of images refer to each other (FIPS 180-4).
//
// It stands in for package crypto: that begins with work for things that rung doesn't use, which
// every call would pay for with nine page faults. The tests hold it against that.
package digest

import "encoding/binary"

// SHA256 is the SHA-256 of a text.
func SHA256(text []byte) []byte { return sum[uint32](&narrow, text) }

// SHA512 is the SHA-512 of a text.
func SHA512(text []byte) []byte { return sum[uint64](&wide, text) }

// The sizes of digests, in bytes.
const (
	Size256 = 32
	Size512 = 64
)

// A variant is what the two have different, but for the size of their words.
type variant struct {
	bits, rounds               int    // of a word, of a block
	sigma0, sigma1, big0, big1 [3]int // rotations; the last of a sigma is a shift
}

var (
	narrow = variant{32, 64, [3]int{7, 18, 3}, [3]int{17, 19, 10}, [3]int{2, 13, 22}, [3]int{6, 11, 25}}
	wide   = variant{64, 80, [3]int{1, 8, 7}, [3]int{19, 61, 6}, [3]int{28, 34, 39}, [3]int{14, 18, 41}}
)

// roots are the fractions of the cube roots of the first 80 primes: SHA-256 has the upper halves
// of the first 64.
var roots = [80]uint64{
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
}

// initial are those of the square roots of the first 8.
var initial = [8]uint64{
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
}

func sum[W uint32 | uint64](v *variant, text []byte) []byte {
	var state [8]W
	for i := range state {
		state[i] = W(initial[i] >> (64 - v.bits))
	}
	block := v.bits * 2 // 16 words
	for _, part := range [...][]byte{text[:len(text)/block*block], padded(text, block)} {
		for ; len(part) > 0; part = part[block:] {
			compress(v, &state, part[:block])
		}
	}
	var out []byte
	for _, word := range state {
		for shift := v.bits - 8; shift >= 0; shift -= 8 {
			out = append(out, byte(word>>shift))
		}
	}
	return out
}

// padded is what of a text doesn't fill a block, with a bit behind it and its length in bits at the end.
func padded(text []byte, block int) []byte {
	rest := text[len(text)/block*block:]
	size := block
	if len(rest)+1+block/8 > block { // the length has two words
		size = 2 * block
	}
	tail := make([]byte, size)
	tail[copy(tail, rest)] = 0x80
	binary.BigEndian.PutUint64(tail[size-8:], uint64(len(text))*8)
	return tail
}

// compress takes a block in.
func compress[W uint32 | uint64](v *variant, state *[8]W, block []byte) {
	rotate := func(x W, n int) W { return x>>n | x<<(v.bits-n) }
	var words [80]W
	for i := range 16 {
		for _, b := range block[i*v.bits/8 : (i+1)*v.bits/8] {
			words[i] = words[i]<<8 | W(b)
		}
	}
	for i := 16; i < v.rounds; i++ {
		x, y := words[i-15], words[i-2]
		words[i] = words[i-16] + words[i-7] +
			(rotate(x, v.sigma0[0]) ^ rotate(x, v.sigma0[1]) ^ x>>v.sigma0[2]) +
			(rotate(y, v.sigma1[0]) ^ rotate(y, v.sigma1[1]) ^ y>>v.sigma1[2])
	}
	s := *state
	for i := range v.rounds {
		a, e := s[0], s[4]
		choice, majority := e&s[5]^^e&s[6], a&s[1]^a&s[2]^s[1]&s[2]
		first := s[7] + choice + W(roots[i]>>(64-v.bits)) + words[i] + (rotate(e, v.big1[0]) ^ rotate(e, v.big1[1]) ^ rotate(e, v.big1[2]))
		second := majority + (rotate(a, v.big0[0]) ^ rotate(a, v.big0[1]) ^ rotate(a, v.big0[2]))
		copy(s[1:], s[:7])
		s[4] += first
		s[0] = first + second
	}
	for i := range state {
		state[i] += s[i]
	}
}
