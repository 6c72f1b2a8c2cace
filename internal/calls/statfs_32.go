//go:build 386 || arm || mips || mipsle

package calls

import "golang.org/x/sys/unix"

func (k *Kernel) fstatfs(label string, fd FD, b *Buf) *Call {
	return k.Call(label, unix.SYS_FSTATFS64, fd.Arg(), Int(len(b.Bytes)), b.Out())
}
