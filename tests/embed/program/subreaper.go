package main

import (
	"syscall"
	"unsafe"
)

func subreaper(option uintptr) bool {
	var is int32
	_, _, errno := syscall.Syscall(syscall.SYS_PRCTL, option, uintptr(unsafe.Pointer(&is)), 0)
	return errno == 0 && is != 0
}
