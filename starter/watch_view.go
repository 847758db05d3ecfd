package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	barWidth     = 30
	defaultWidth = 80 // of a terminal that does not tell
)

// view shows answers as they come: at a terminal a block of lines that is drawn over itself, elsewhere a line for each thing
// that has changed.
type view struct {
	out        io.Writer
	name       string
	atTerminal bool
	width      func() int
	now        func() time.Time

	drawn    int // lines of the block
	block    []string
	last     map[string]string
	bars     map[string]runBar // by flow
	troubled bool
}

// runBar is the bar of one run.
type runBar struct {
	*progressbar.ProgressBar

	runID string
}

func newView(out io.Writer, name string) *view {
	return &view{
		out: out, name: name, atTerminal: isTerminal(out), width: func() int { return widthOf(out) }, now: time.Now,
		last: map[string]string{}, bars: map[string]runBar{},
	}
}

func widthOf(out io.Writer) int {
	if file, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return defaultWidth
}

func (v *view) show(status statusAnswer) {
	v.troubled = false
	whole := fmt.Sprintf("%s  %s", v.name, withReason(status.State, status.Reason))
	if status.DryRun {
		whole += ", dry run"
	}
	block := []string{whole}
	v.line("", whole)
	for _, name := range inOrder(status.Flows, settings.Flows()) {
		flow := status.Flows[name]
		if flow.State == flowDisabled {
			continue
		}
		said := fmt.Sprintf("%-14s  %s", shown(name), flowLine(flow, oldest(status.Checkpoints[name])))
		block = append(block, said)
		if far := howFar(flow.Progress); far != "" && flow.Running.RunID != "" {
			said += ", " + far
			block = append(block, "  "+v.bar(name, flow))
		}
		v.line(name, said)
	}
	v.draw(block)
}

// flowLine tells how a flow is and what it has done in all its runs.
func flowLine(flow flowAnswer, readTo string) string {
	var all sourceAnswer
	for _, source := range flow.Sources {
		all.Read += source.Read
		all.Malicious += source.Malicious
		all.WouldShare += source.WouldShare
		all.Withdrawn += source.Withdrawn
		all.Quarantined += source.Quarantined
	}
	words := []string{
		shown(flow.State), fmt.Sprintf("read %d", all.Read), fmt.Sprintf("malicious %d", all.Malicious), fmt.Sprintf("shared %d", flow.Shared),
		fmt.Sprintf("held %d", flow.Held),
	}
	for _, some := range []struct {
		word string
		n    int
	}{{"would share", all.WouldShare}, {"refused", all.Quarantined}, {"withdrawn", all.Withdrawn}} {
		if some.n > 0 {
			words = append(words, fmt.Sprintf("%s %d", some.word, some.n))
		}
	}
	if readTo != "" {
		words = append(words, "read up to "+shown(readTo))
	}
	if flow.State != flowIdle && flow.Reason != "" {
		words = append(words, indicator.Printable(flow.Reason, longestMessage))
	}
	return strings.Join(words, ", ")
}

// oldest is the checkpoint that is furthest behind: RFC 3339 in UTC sorts as it reads.
func oldest(checkpoints map[string]string) string {
	var known []string
	for _, at := range checkpoints {
		if at != "" {
			known = append(known, at)
		}
	}
	if len(known) == 0 {
		return ""
	}
	return slices.Min(known)
}

// howFar tells how far a run is, as far as the integration tells.
func howFar(progress *progressAnswer) string {
	switch {
	case progress == nil:
		return ""
	case progress.Of > 0 && progress.Unit == inTime:
		return fmt.Sprintf("%d %% of the time to read", 100*min(progress.Done, progress.Of)/progress.Of)
	case progress.Of > 0:
		return fmt.Sprintf("%d of %d %s", min(progress.Done, progress.Of), progress.Of, shown(progress.Unit))
	case progress.Done > 0 && progress.Unit != inTime:
		return fmt.Sprintf("%d %s so far", progress.Done, shown(progress.Unit))
	default:
		return ""
	}
}

// bar is a run's bar as it looks now, or words where the whole is not known.
func (v *view) bar(name string, flow flowAnswer) string {
	progress := flow.Progress
	if progress.Of <= 0 {
		return howFar(progress)
	}
	bar := v.bars[name]
	if bar.runID != flow.Running.RunID || bar.GetMax() > progress.Of {
		bar = runBar{newBar(progress), flow.Running.RunID}
		v.bars[name] = bar
	}
	if bar.GetMax() != progress.Of {
		bar.ChangeMax(progress.Of)
	}
	_ = bar.Set(min(progress.Done, progress.Of)) // one that cannot be drawn is no reason to stop
	return strings.TrimSpace(bar.String())
}

// newBar is drawn as a part of the block, not by itself. It does not guess when it will be full: the first answer already has
// much that was not done while it was watched.
func newBar(progress *progressAnswer) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(barWidth), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionSetRenderBlankState(true),
	}
	if progress.Unit != inTime {
		options = append(options, progressbar.OptionShowCount())
	}
	return progressbar.NewOptions(progress.Of, options...)
}

// line says what has changed, where there is no terminal.
func (v *view) line(about, said string) {
	if v.atTerminal || v.last[about] == said {
		return
	}
	v.last[about] = said
	_, _ = fmt.Fprintf(v.out, "%s  %s\n", v.now().UTC().Format(time.RFC3339), said)
}

// draw draws the block over the one before. Lines are cut: one that wraps would leave a part of itself behind.
func (v *view) draw(block []string) {
	if !v.atTerminal || slices.Equal(v.block, block) {
		return
	}
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", v.drawn)
	}
	for _, line := range block {
		b.WriteString(text.Trim(line, v.width()) + "\n")
	}
	v.drawn, v.block = len(block), block
	_, _ = io.WriteString(v.out, b.String())
}

// trouble tells once that there was no answer, until there is one again.
func (v *view) trouble(err error) {
	if v.troubled {
		return
	}
	v.troubled = true
	said, _, _ := strings.Cut(err.Error(), "\n")
	if v.atTerminal {
		v.draw(append(slices.Clone(v.block), said))
		v.block = nil // the same answer as before is drawn again
		return
	}
	v.line("trouble", said)
	delete(v.last, "trouble")
}
