package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func documented(t *testing.T, d *document) string {
	t.Helper()
	text, err := d.Text()
	require.NoError(t, err)
	return text
}

// section is the part of a document below a heading, up to the next one.
func below(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	require.True(t, found, heading)
	level, _, _ := strings.Cut(heading, " ")
	rest, _, _ = strings.Cut(rest, "\n"+level+" ")
	return rest
}

func TestADocumentBeginsWithItsRatiosAndMarksWhatIsBroken(t *testing.T) {
	d := newDocument(t.Context(), options{seed: 7})
	f := &figures{}
	f.title("first: so many records")
	atMost(f, "calls, x least", 1.02, 1.1)
	f.ratio()
	atLeast(f, "creates a minute", 19_000, 20_000)
	f.demanded()
	f.note("time", "12s")
	d.take(0, f, nil)
	text := documented(t, d)

	require.Contains(t, text, "with seed 7")
	require.Contains(t, text, d.Machine)
	require.Contains(t, text, d.Date)
	require.Less(t, strings.Index(text, "## Ratios"), strings.Index(text, "## Numbers to hold"))
	require.Less(t, strings.Index(text, "## Numbers to hold"), strings.Index(text, "## All figures"))
	ratios := below(t, text, "## Ratios")
	require.Contains(t, ratios, "| calls, x least | 1.02 | ≤ 1.1 | ok | first |")
	require.NotContains(t, ratios, "creates a minute")
	require.Contains(t, below(t, text, "## Numbers to hold"), "| creates a minute | 19000 | ≥ 20000 | **BROKEN** | first |")
	require.Contains(t, text, "- **first: creates a minute: 19000, bound ≥ 20000**")
	require.Contains(t, text, "Bounds that hold: 1.\n\n- **first:")
	require.Contains(t, below(t, text, "### first"), "| time | 12s |  |  |")
}

func TestAPartThatWasNotRunKeepsSayingSo(t *testing.T) {
	d := newDocument(t.Context(), options{})
	d.take(1, &figures{}, nil)
	text := documented(t, d)
	for i, p := range parts() {
		require.Equal(t, i != 1, strings.Contains(below(t, text, "### "+p.name), "Not run in this measurement."), p.name)
		require.Contains(t, text, p.about)
	}
	require.Contains(t, text, "- Not run: first, limit,")

	for i := range parts() {
		d.take(i, &figures{}, nil)
	}
	text = documented(t, d)
	require.NotContains(t, text, "Not run")
	require.Contains(t, text, "Bounds that hold: 0, all of them.")
}

func TestAPartThatFailedSaysWhyInOneLineWithoutWhatAProcessPrinted(t *testing.T) {
	d := newDocument(t.Context(), options{})
	f := &figures{}
	f.note("calls", 3)
	d.take(0, f, fmt.Errorf("10 indicators: %w", &brokenOff{cause: errors.New("no answer | at all"), worker: "secret line"}))
	text := documented(t, d)
	require.NotContains(t, text, "secret line")
	require.Contains(t, below(t, text, "### first"), `**It did not come to its end:** no answer \| at all`)
	require.Contains(t, below(t, text, "### first"), "| calls | 3 |  |  |")
	require.Contains(t, text, `- **first did not come to its end: no answer \| at all**`)
}

func TestPeersAreNamedWithTheirSourceAndAsNotMeasured(t *testing.T) {
	d := newDocument(t.Context(), options{})
	beside := below(t, documented(t, d), "## Beside others")
	require.Contains(t, beside, "**not measured\nby us**")
	require.Contains(t, beside, "| Threat Share | not run | not run | not run | measured here |")
	for _, p := range peers() {
		require.NotEmpty(t, p.Source)
		require.Contains(t, beside, p.Source)
	}
	f := &figures{}
	f.note("calls to Falcon per 1,000 indicators", 10.4)
	f.note("calls to Mimecast per 1,000 log records", 10.1)
	d.take(0, f, nil)
	require.Contains(t, below(t, documented(t, d), "## Beside others"), "| Threat Share | 10.4 | 10.1 | not run | measured here |")
}

func TestADocumentIsWrittenWholeOrNotAtAll(t *testing.T) {
	d := newDocument(t.Context(), options{})
	require.NoError(t, d.write(""))
	path := filepath.Join(t.TempDir(), "benchmarks.md")
	require.NoError(t, d.write(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, documented(t, d), string(text))
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Error(t, d.write(filepath.Join(path, "below-a-file.md")))
}

func TestTheMachineIsReadFromProc(t *testing.T) {
	require.Equal(t, "Some CPU: fast", fieldOf("vendor\t: x\nmodel name\t: Some CPU: fast\nmodel name\t: other\n", "model name"))
	require.Empty(t, fieldOf("", "model name"))
	require.Equal(t, "15.6 GiB", memory("16384000 kB"))
	require.Equal(t, unknown, memory(""))
	require.Equal(t, "15.18", between("postgres (PostgreSQL) 15.18 (Debian 15.18-0)", "(PostgreSQL) ", " "))
	require.Equal(t, "Server 1.29.1", between("temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)", "(", ","))
	require.Equal(t, unknown, between(unknown, "(", ","))
}
