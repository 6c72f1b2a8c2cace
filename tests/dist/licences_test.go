package main

import (
	"strings"
	"testing"
)

func TestSPDX(t *testing.T) {
	for text, want := range map[string]string{
		"                Apache License\n   Version 2.0, January 2004\n":                                     "Apache-2.0",
		"Mozilla Public License Version 2.0":                                                                 "MPL-2.0",
		"Permission is hereby granted, free of charge, to any person obtaining\na copy":                      "MIT",
		"Redistribution and use in source and binary forms, … may be used to endorse or\npromote products":   "BSD-3-Clause",
		"Redistribution and use in source and binary forms, with or without modification, are permitted …":   "BSD-2-Clause",
		"All rights reserved. Additional grants are in another file, and nobody knows what this licence is.": "",
	} {
		if got := spdx(text); got != want {
			t.Errorf("%q for %q, want %q", got, text, want)
		}
	}
}

// What has no licence can't be shipped, Go's own library neither.
func TestNoLicence(t *testing.T) {
	if _, err := licenceOf("stdlib", "go1.2.3", t.TempDir()); err == nil || !strings.Contains(err.Error(), "go1.2.3: no licence") {
		t.Error(err)
	}
}
