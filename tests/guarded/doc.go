// Package guarded steps through the player, instruction by instruction, while it makes real containers, and holds
// every address that it touches against what is its own: its page of code, the tape's image, the progress record and its
// stack. The player is assembler, so no compiler has done that.
package guarded
