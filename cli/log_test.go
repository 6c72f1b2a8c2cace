package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spec"
)

func TestLogFormat(t *testing.T) {
	if f, err := logFormat("json"); err != nil {
		t.Errorf("logFormat(json): %v", err)
	} else if _, ok := f.(*logrus.JSONFormatter); !ok {
		t.Errorf("logFormat(json) = %T", f)
	}
	for _, name := range []string{"", "text"} {
		if f, err := logFormat(name); err != nil {
			t.Errorf("logFormat(%q): %v", name, err)
		} else if _, ok := f.(*textFormatter); !ok {
			t.Errorf("logFormat(%q) = %T", name, f)
		}
	}
	const want = "invalid log-format: xml"
	if _, err := logFormat("xml"); err == nil || err.Error() != want {
		t.Errorf("logFormat(xml) = %v, want %s", err, want)
	}
}

func TestLogLevel(t *testing.T) {
	for _, c := range []struct {
		name  string
		debug bool
		want  logrus.Level
	}{
		{"error", false, logrus.ErrorLevel},
		{"", false, logrus.InfoLevel},
		{"warning", false, logrus.WarnLevel},
		{"info", false, logrus.InfoLevel},
		{"debug", false, logrus.DebugLevel},
		{"error", true, logrus.DebugLevel},
	} {
		if got, err := logLevel(c.name, c.debug); got != c.want || err != nil {
			t.Errorf("logLevel(%q, %v) = %v, %v, want %v", c.name, c.debug, got, err, c.want)
		}
	}
	if _, err := logLevel("loud", false); err == nil {
		t.Error("logLevel(loud) is no error")
	}
}

// appWithLog returns an app that logs to a new file, and a function that reads it.
func appWithLog(t *testing.T, g globals) (a *app, stderr *bytes.Buffer, read func() string) {
	t.Helper()
	g.log = filepath.Join(t.TempDir(), "log")
	stderr = new(bytes.Buffer)
	a = &app{global: g, stdout: new(bytes.Buffer), stderr: stderr}
	return a, stderr, func() string {
		text, err := os.ReadFile(g.log)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// Podman reads the whole file as one object, containerd wants these keys.
func TestReportJSON(t *testing.T) {
	a, stderr, read := appWithLog(t, globals{logFormat: "json"})
	if err := a.openLog(); err != nil {
		t.Fatal(err)
	}
	a.holds = true
	a.warn("%s", "kept back")
	a.report(fmt.Errorf("rung create failed: %w", errors.Join(
		&spec.FieldError{Path: "linux.resources", Msg: "is bad"}, unix.ENOENT)))
	entry := map[string]string{}
	if err := json.Unmarshal([]byte(read()), &entry); err != nil {
		t.Fatalf("log %q: %v", read(), err)
	}
	if _, err := time.Parse(time.RFC3339, entry["time"]); err != nil {
		t.Errorf("time: %v", err)
	}
	delete(entry, "time")
	want := map[string]string{
		"level": "error", "msg": "rung create failed: linux.resources: is bad\nno such file or directory",
		"field": "linux.resources", "errno": "ENOENT",
	}
	if got := fmt.Sprint(entry); got != fmt.Sprint(want) {
		t.Errorf("entry = %s, want %s", got, fmt.Sprint(want))
	}
	if got := stderr.String(); !strings.Contains(got, ` level=warning msg="kept back"`) || !strings.HasSuffix(got, "\n"+want["msg"]+"\n") {
		t.Errorf("stderr = %q, want the warning and the message", got)
	}
}

func TestReportText(t *testing.T) {
	a, stderr, read := appWithLog(t, globals{})
	a.report(fmt.Errorf("open: %w", unix.ENOENT))
	if got := read(); !strings.HasPrefix(got, `time="`) || !strings.HasSuffix(got, "\" level=error msg=\"open: no such file or directory\"\n") {
		t.Errorf("log = %q", got)
	}
	if got := stderr.String(); got != "open: no such file or directory\n" {
		t.Errorf("stderr = %q", got)
	}
}

// Without --log there is one place, in the log's format.
func TestReportStderr(t *testing.T) {
	for format, want := range map[string]string{"text": ` level=error msg="no more"`, "json": `{"level":"error","msg":"no more"`} {
		var stderr bytes.Buffer
		a := &app{global: globals{logFormat: format}, stderr: &stderr}
		a.report(errors.New("no more"))
		if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("%s: stderr = %q, want one line with %q", format, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	a, _, read := appWithLog(t, globals{logLevel: "warning", rootless: "auto"})
	r, err := a.runtime()
	if err != nil {
		t.Fatal(err)
	}
	r.Warn("swap is %s", "ignored")
	if got := read(); !strings.Contains(got, `level=warning msg="swap is ignored"`) {
		t.Errorf("log = %q", got)
	}
}

// What succeeds has its warnings in the log, at the level that is wanted.
func TestWarningsOfSuccess(t *testing.T) {
	for level, want := range map[string]int{"": 2, "info": 2, "warning": 2, "error": 0} {
		a, stderr, read := appWithLog(t, globals{logLevel: level, logFormat: "json"})
		if err := a.openLog(); err != nil {
			t.Fatal(err)
		}
		a.holds = true
		a.warn("%d", 1)
		a.warn("%d", 2)
		if got := read(); got != "" {
			t.Errorf("level %q: log = %q before the end", level, got)
		}
		a.release(a.logger)
		if got := read(); strings.Count(got, `"level":"warning"`) != want || stderr.Len() != 0 {
			t.Errorf("level %q: log = %q, stderr %q; want %d warnings", level, got, stderr, want)
		}
	}
}

// A log is added to: engines use one file for several calls.
func TestLogAppends(t *testing.T) {
	a, _, read := appWithLog(t, globals{})
	if err := os.WriteFile(a.global.log, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.report(errors.New("after"))
	if got := read(); !strings.HasPrefix(got, "before\n") || !strings.Contains(got, "after") {
		t.Errorf("log = %q", got)
	}
}

// A terminal gets lines, and nothing of a message that moves its cursor; a file gets it quoted, as ever.
func TestTextFormatter(t *testing.T) {
	for _, c := range []struct {
		colors bool
		want   string
	}{{true, `a\x1b[2J` + "\nb"}, {false, `msg="a\x1b[2J\nb"`}} {
		f := new(textFormatter)
		f.ForceColors = c.colors
		got, err := f.Format(&logrus.Entry{Logger: newLogger(new(bytes.Buffer), f, logrus.InfoLevel), Message: "a\x1b[2J\nb"})
		if err != nil || !strings.Contains(string(got), c.want) {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
}
