// Package libcontainer runs containers: the lifecycle of the OCI runtime
// specification as an API that a program can embed.
//
//	            Create            Start           (its program ends)
//	(nothing) ────────► created ────────► running ──────────────────► stopped
//	                       │            Pause │ ▲ Resume                 │
//	                       │                  ▼ │                        │
//	                       │                 paused                      │
//	                       ▼                                             ▼
//	(nothing) ◄───────────────────────────────────────────────────── Delete
//
// A [Runtime] is a directory of containers; its zero value with a Root will do. [Runtime.Create] makes a [Container] of a bundle or of a
// configuration as a value, [Container.Exec] runs a [Process] in one, and [Runtime.Run] and [Container.Run] do all of it, as Cmd.Run of os/exec
// does. A container outlives the program that has made it: [Runtime.Load] finds it again, and the command line, rung, does too. It takes root of
// the host or, with less, an ordinary user.
//
// # Contexts
//
// What makes a container, changes one or waits has a context, which covers the call. When it is done, what the call has begun is taken back, and the error
// is the context's: nothing is left of a container that wasn't complete, a process that didn't run yet is ended, a container that was starting is
// killed. Only what Run has made lives no longer than the context does.
//
// # What is done to the program
//
// Nothing, but for what [Effects] asks for. A [Process] is a child of the program until it ends, the init of a container until that is deleted: who waits
// for all children, by wait4(-1), takes their statuses away. Goroutines have threads of their own while they make a process.
//
// Processes of a container come from a page of machine code or, where that can't be, from a sealed copy of the program, rung-init, in which package
// spawn takes over before main. Programs need no line for that.
package libcontainer
