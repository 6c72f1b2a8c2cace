package main

import "time"

// version is what files, directories and packages are called by: that of a release, or of a snapshot, which is older than the
// release to come. The ~ is dpkg's and rpm's, before everything, even the end.
func (d *dist) version() string {
	if d.Release {
		return d.number
	}
	return d.number + "~git." + d.committed().Format("20060102") + "." + d.Commit[:min(12, len(d.Commit))]
}

// apkVersion is the same for apk, where ~ means something else, _git is younger than the release, and a hash can't be: so it is
// the second that says which of a day's commits it is.
func (d *dist) apkVersion() string {
	if d.Release {
		return d.number
	}
	return d.number + "_pre" + d.committed().Format("20060102150405")
}

// committed is when the commit was made, whatever the time of files is.
func (d *dist) committed() time.Time { return time.Unix(d.origin.Time, 0).UTC() }

// purlVersion is the version in the name by which tools know a module: Go's, or a commit.
func (d *dist) purlVersion() string {
	if d.Release || d.Commit == "" {
		return "v" + d.number
	}
	return d.Commit
}

// ref is how the repository's pages call the commit.
func (d *dist) ref() string {
	if d.Commit == "" {
		return "v" + d.number
	}
	return d.Commit
}
