package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAWrittenListIsSortedUnderItsHeader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.txt")
	made := list{name: "l", version: "1", origin: "o", licence: "x", about: "What it is.\nAnd why.", entries: map[string]string{"b.com": "", "a.com": "what"}}
	require.NoError(t, made.write(path, time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "# name: l\n# version: 1\n# date: 2026-11-23\n# origin: o\n# licence: x\n#\n# What it is.\n# And why.\na.com what\nb.com\n", string(text))
}

func TestAListThatLostHalfItsEntriesIsNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.txt")
	require.NoError(t, os.WriteFile(path, []byte("a.com\nb.com\nc.com\nd.com\n"), 0o600))
	require.Error(t, list{entries: map[string]string{"a.com": ""}}.write(path, time.Now()))
	require.NoError(t, list{entries: map[string]string{"a.com": "", "b.com": "", "c.com": ""}}.write(path, time.Now()))
}

func TestTheShippedHashesAreTheComputedOnes(t *testing.T) {
	made, err := knownGoodList()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "known-good-hashes.txt")
	shipped, err := os.ReadFile(filepath.Join("..", "known-good-hashes.txt"))
	require.NoError(t, err)
	require.NoError(t, made.write(path, time.Now()))
	computed, err := os.ReadFile(path)
	require.NoError(t, err)
	const headerWithDate = 200
	require.Equal(t, string(shipped[headerWithDate:]), string(computed[headerWithDate:]))
}

func TestNamesGivenOutByOthersAreNoProviders(t *testing.T) {
	for name, want := range map[string]bool{
		"gmail.com": false, "yahoo.co.uk": false, "x.duckdns.org": true, "mail.gmail.com": true, "com": true, "x.nosuchtld": true,
	} {
		require.Equal(t, want, isGivenOut(name), name)
	}
}

func TestOnlyCanonicalNamesThatAreNoHardStopAreListed(t *testing.T) {
	names, err := canonicalNames([]string{"GMAIL.com", "example.com", "co.uk", "no domain", "1.2.3.4", "mail.crowdstrike.com"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"gmail.com": ""}, names)
}
