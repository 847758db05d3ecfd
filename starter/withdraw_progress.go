package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/threatshare/threatshare/internal/wire"
)

const lineEvery = 2 * time.Second

// follow shows how far a withdrawal is until it has ended, however long that takes.
func (a *app) follow(ctx context.Context, c client.Client, e errand, run client.WorkflowRun) (json.RawMessage, error) {
	var document json.RawMessage
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &document) }()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	p := &progress{out: a.out, atTerminal: isTerminal(a.out)}
	for {
		select {
		case err := <-ended:
			p.end()
			if err != nil {
				return nil, a.unfinished(ctx, e, err)
			}
			return document, nil
		case <-tick.C:
			now, err := askWorkflow[withdrawAnswer](ctx, c, e.id, wire.Progress)
			if err != nil {
				p.trouble(err)
				continue
			}
			p.show(now)
		}
	}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progress is a bar at a terminal, and elsewhere a line when something has changed.
type progress struct {
	out        io.Writer
	atTerminal bool
	bar        *progressbar.ProgressBar
	last       string
	lastAt     time.Time
	troubled   bool
}

func (p *progress) show(now withdrawAnswer) {
	p.troubled = false
	done, found := 0, 0
	for _, list := range now.Lists {
		done += list.Removed + list.Missing + list.Left
		found += list.Found
	}
	if found == 0 { // it still looks
		return
	}
	if p.atTerminal {
		p.draw(done, found)
		return
	}
	line := progressLine(now.Lists, done, found)
	if line == p.last || time.Since(p.lastAt) < lineEvery {
		return
	}
	p.last, p.lastAt = line, time.Now()
	p.say(line)
}

func progressLine(lists []listAnswer, done, found int) string {
	var parts []string
	for _, list := range lists {
		if list.Found > 0 {
			parts = append(parts, fmt.Sprintf("%s %d of %d", shown(list.List), list.Removed+list.Missing+list.Left, list.Found))
		}
	}
	return fmt.Sprintf("withdrawing: %d of %d (%s)", done, found, strings.Join(parts, ", "))
}

// draw draws the bar. One that cannot be drawn is no reason to stop.
func (p *progress) draw(done, found int) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(found, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription("withdrawing"),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	if p.bar.GetMax() != found {
		p.bar.ChangeMax(found)
	}
	_ = p.bar.Set(min(done, found))
}

// trouble tells once that nobody says how far it is, until somebody does again.
func (p *progress) trouble(err error) {
	if p.troubled || !silent(err) {
		return
	}
	p.troubled = true
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	p.say("the withdrawal does not answer: is a worker running? It goes on as soon as there is one")
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

func (p *progress) say(line string) { _, _ = fmt.Fprintln(p.out, line) }
