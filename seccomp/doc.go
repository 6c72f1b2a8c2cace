// Package seccomp compiles linux.seccomp of a configuration to the program that
// the kernel runs at each system call. It makes no system call itself: package
// plan installs what it returns.
//
// [Check] finds everything that is wrong with a profile, [Compile] makes the
// filter, [Explain] says which rule decides a call. What rules mean is what
// libseccomp, by which runc compiles them, makes of them:
//
//   - A call that no rule names, or whose rules' conditions don't hold, gets the
//     default action. A rule without conditions outdoes those that have some; the
//     first of several counts.
//   - Rules with conditions are asked in the order of the arguments, the last
//     argument first, and equalities before comparisons, narrow ones first. This
//     matters only where rules of different actions overlap.
//   - Several conditions on one argument make a rule each (runc's reading).
//   - On an architecture of 32 bits the low half of a value counts.
//   - Where a socket or IPC call can also be made through socketcall(2) or ipc(2),
//     both ways are ruled; there the first argument is the call's number, and a
//     condition on it is lost.
//   - A call whose number is above all that the profile names is answered ENOSYS
//     if the default is to refuse: its program then tries an older one (runc).
package seccomp

//go:generate sh -c "eval \"$(gen/libseccomp.sh)\" && go run -tags libseccomp ./gen"
