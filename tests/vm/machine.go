package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const kernelLine = "root=/dev/nvme0n1 rw panic=-1 nokaslr mitigations=off nowatchdog " +
	"rcupdate.rcu_cpu_stall_suppress=1 random.trust_cpu=on quiet systemd.show_status=0 "

// boot runs the machine with the job in dir until it ends, and returns the job's
// exit status. The image stays as it is: what the guest writes is forgotten.
func boot(ctx context.Context, dir string, o *options) (code int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, errTimeout)
	defer cancel()
	cmd := emulator(ctx, dir, o)
	var ctl strings.Builder
	var copies sync.WaitGroup
	var ends []*os.File
	out := &show{to: os.Stdout, all: o.verbose || o.shell != ""}
	defer out.end()
	for i, to := range []io.Writer{out, os.Stderr, &ctl} {
		r, w, err := os.Pipe()
		if err != nil {
			return 125, err
		}
		defer r.Close()
		ends = append(ends, w)
		// The emulator opens a path, which for a pipe is another way to the same pipe.
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		name := [...]string{"out", "err", "ctl"}[i]
		cmd.Args = append(cmd.Args, "-chardev", fmt.Sprintf("file,id=%s,path=/proc/self/fd/%d", name, 3+i), "-device", "virtserialport,chardev="+name+",name="+name)
		copies.Go(func() { _, _ = io.Copy(to, r) })
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		return 125, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	for _, w := range ends {
		w.Close()
	}
	if err == nil {
		err = cmd.Wait()
	}
	copies.Wait()
	if _, status, ok := strings.Cut(ctl.String(), "exit "); ok {
		return strconv.Atoi(strings.TrimSpace(status))
	}
	showEnd(dir)
	if errors.Is(context.Cause(ctx), errTimeout) {
		return 124, fmt.Errorf("%w: %s", errTimeout, o.timeout)
	}
	return 125, fmt.Errorf("the machine ended before its job did: %v, %v", err, context.Cause(ctx)) //nolint:errorlint // either may be nil
}

var errTimeout = errors.New("the machine has run into its time limit")

// showEnd shows what the machine said last.
func showEnd(dir string) {
	for _, name := range []string{"log", "console"} {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		fmt.Fprintf(os.Stderr, "%s\n", text[max(0, len(text)-4000):])
	}
}

// emulator is the command that runs the machine, without its ports. It ends with
// us, however we end.
func emulator(ctx context.Context, dir string, o *options) *exec.Cmd {
	image, a := o.dir(), arches[o.arch]
	tools := filepath.Join(image, "tools")
	lib := tools + "/usr/lib/x86_64-linux-gnu"
	console := "file:" + dir + "/console"
	if o.console {
		console = "file:/proc/self/fd/2"
	}
	cmd := exec.CommandContext(ctx, tools+"/usr/lib64/ld-linux-x86-64.so.2", "--library-path", lib,
		tools+"/usr/bin/"+a.emulator, "-L", tools+"/usr/share/qemu",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-accel", "tcg,thread=multi,tb-size=1024", "-smp", "2", "-m", strconv.Itoa(o.memory),
		"-kernel", image+"/vmlinuz", "-append", kernelLine+a.kernel,
		// The kernel has NVMe built in: no initrd is needed.
		"-drive", "file="+image+"/root.img,if=none,id=root,format=raw,snapshot=on,cache=unsafe,discard=unmap",
		"-device", "nvme,drive=root,serial=root",
		"-drive", "file="+dir+"/job.tar,if=none,id=job,format=raw,read-only=on", "-device", "virtio-blk-pci,drive=job",
		"-serial", console, "-device", "virtio-serial-pci")
	for _, arg := range a.machine {
		if strings.HasPrefix(arg, "/") {
			arg = tools + arg
		}
		cmd.Args = append(cmd.Args, arg)
	}
	// Its snapshot of the disk goes to dir too.
	cmd.Env = append(os.Environ(), "QEMU_MODULE_DIR="+lib+"/qemu", "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
