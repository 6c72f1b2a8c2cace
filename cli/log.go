package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/internal/step"
)

// openLog opens the log, once.
//
// Podman reads the whole file of a failed create or exec as one JSON object, and
// containerd shows the last error in it. So at the default level a command that
// fails writes nothing there but its error, see [app.warn].
func (a *app) openLog() error {
	if a.logger != nil {
		return nil
	}
	formatter, err := logFormat(a.global.logFormat)
	if err != nil {
		return err
	}
	level, err := logLevel(a.global.logLevel, a.global.debug)
	if err != nil {
		return err
	}
	out := a.stderr
	if a.global.log != "" {
		if a.logFile, err = openOutput(a.global.log, unix.O_APPEND, 0o644); err != nil {
			return err
		}
		out = a.logFile
	}
	a.logger = newLogger(out, formatter, level)
	if level >= logrus.DebugLevel {
		a.beginPhases()
	}
	return nil
}

// openOutput opens a file to write to, made where it is missing. A FIFO that nobody
// reads is an error: it would keep us waiting. (And package os would start the poller
// for a FIFO.)
func openOutput(name string, flags int, mode uint32) (*os.File, error) {
	fd, err := unix.Open(name, flags|unix.O_CREAT|unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, mode)
	if err == nil {
		if err = unix.SetNonblock(fd, false); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func newLogger(out io.Writer, formatter logrus.Formatter, level logrus.Level) *logrus.Logger {
	l := logrus.New()
	l.Out, l.Formatter, l.Level = out, formatter, level
	return l
}

func logFormat(name string) (logrus.Formatter, error) {
	switch name {
	case "text", "": // "": the command line was not read to its end
		return new(textFormatter), nil
	case "json":
		return new(logrus.JSONFormatter), nil
	}
	return nil, errors.New("invalid log-format: " + name)
}

// textFormatter is logrus's, which quotes what goes to a file, and writes to a terminal as it is what may be of a configuration.
type textFormatter struct{ logrus.TextFormatter }

// Format makes lines of an entry.
func (f *textFormatter) Format(e *logrus.Entry) ([]byte, error) {
	if f.ForceColors || isTerminal(e.Logger.Out) {
		e.Message = printableLines(e.Message)
	}
	return f.TextFormatter.Format(e)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

func logLevel(name string, debug bool) (logrus.Level, error) {
	if debug {
		return logrus.DebugLevel, nil
	}
	switch name {
	case "error":
		return logrus.ErrorLevel, nil
	case "warning":
		return logrus.WarnLevel, nil
	case "info", "":
		return logrus.InfoLevel, nil
	case "debug":
		return logrus.DebugLevel, nil
	}
	return 0, errors.New("invalid log-level: " + name)
}

// warn writes a warning to the log. If that is the file of a create, run or exec, it
// is kept back until the command has succeeded: the file of one that fails is to hold
// the error alone, and stderr has the warnings then.
func (a *app) warn(format string, args ...any) {
	entry := a.logger.WithTime(time.Now().UTC()) // no look at /etc/localtime
	if !a.holds || a.logFile == nil || a.logger.Level >= logrus.DebugLevel {
		entry.Warnf(format, args...)
		return
	}
	entry.Level, entry.Message = logrus.WarnLevel, fmt.Sprintf(format, args...)
	a.held = append(a.held, entry)
}

// release writes the warnings that were kept back to l.
func (a *app) release(l *logrus.Logger) {
	for _, entry := range a.held {
		l.WithTime(entry.Time).Warn(entry.Message)
	}
	a.held = nil
}

// notice shows a warning on stderr whatever the level of the log is. A log file
// of engines holds nothing but the error that ends a command, unless they ask.
func (a *app) notice(format string, args ...any) {
	newLogger(a.stderr, new(textFormatter), logrus.WarnLevel).WithTime(time.Now().UTC()).Warnf(format, args...)
	if a.logFile != nil {
		a.warn(format, args...)
	}
}

// report tells of the error that ends rung: on stderr, and in the log if that
// is a file.
func (a *app) report(err error) {
	logger := a.logger
	if logger == nil {
		if a.openLog() == nil {
			logger = a.logger
		} else {
			logger = newLogger(a.stderr, new(textFormatter), logrus.ErrorLevel)
		}
	}
	entry := logrus.NewEntry(logger).WithTime(time.Now().UTC()) // no look at /etc/localtime
	if _, ok := logger.Formatter.(*logrus.JSONFormatter); ok {
		entry = entry.WithFields(details(err))
	}
	entry.Error(err.Error())
	if fault, ok := errors.AsType[*internalError](err); ok {
		logger.Debugf("%s", fault.stack)
	}
	if a.logFile != nil {
		a.logFile.Close()
		a.release(newLogger(a.stderr, new(textFormatter), a.logger.Level))
		io.WriteString(a.stderr, printableLines(err.Error())+"\n")
	}
	if wrong, ok := errors.AsType[*usageError](err); ok {
		io.WriteString(a.stderr, "See '"+wrong.command+" --help'.\n")
	}
}

// details returns what programs may want to know of an error: the field of
// config.json and the name of the errno, if it has them.
func details(err error) logrus.Fields {
	fields := logrus.Fields{}
	if field, ok := errors.AsType[*spec.FieldError](err); ok && field.Path != "" {
		fields["field"] = field.Path
	}
	if mount, ok := errors.AsType[*step.FieldError](err); ok {
		fields["field"] = mount.Field
	}
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		if name := unix.ErrnoName(errno); name != "" {
			fields["errno"] = name
		}
	}
	return fields
}
