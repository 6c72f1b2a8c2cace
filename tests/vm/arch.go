package main

import (
	"maps"
	"slices"
	"strings"
)

// An arch is what the machine of an architecture has for itself. Everything else is the
// same for all.
type arch struct {
	emulator string   // its program
	pkg      string   // the Debian package that has that; linux-image-cloud-ARCH has the kernel
	machine  []string // arguments
	kernel   string   // words on the kernel's command line
}

var arches = map[string]arch{
	// The model is x86-64-v2 and little more. The emulator has more ("max") and is slower
	// with it: a fifth level of page tables, and string instructions, which Linux
	// would use for every copy and which are emulated byte by byte.
	"amd64": {
		emulator: "qemu-system-x86_64",
		pkg:      "qemu-system-x86",
		machine: []string{
			"-M", "q35,vmport=off,usb=off,sata=off,smbus=off,hpet=off,i8042=off", "-L", "/usr/share/seabios",
			"-cpu", "qemu64,svm=off,x2apic=on,rdrand=on,ssse3=on,sse4.1=on,sse4.2=on,popcnt=on",
		},
		kernel: "console=ttyS0 8250.nr_uarts=1 tsc=nowatchdog",
	},
	// The model has atomic instructions, which loops of older ones stand for before it, and
	// not yet signed pointers, which are slow to emulate.
	"arm64": {
		emulator: "qemu-system-aarch64",
		pkg:      "qemu-system-arm",
		machine:  []string{"-M", "virt,gic-version=3,acpi=off", "-cpu", "neoverse-n1"},
		kernel:   "console=ttyAMA0",
	},
}

func archNames() string { return strings.Join(slices.Sorted(maps.Keys(arches)), ", ") }
