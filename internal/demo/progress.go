package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/workflows"
)

// progress is a bar at a terminal and a line now and then elsewhere.
type progress struct {
	out      io.Writer
	bar      *progressbar.ProgressBar
	what     string
	expected int // values that are shared and blocked in the end, about; 0: the way there is not shown
	lastLine time.Time
	failures int
}

// failuresToTell is how many questions in a row go unanswered before that is worth a line: the first ones come before the
// worker is up.
const failuresToTell = 5

const longestTrouble = 300 // characters

func newProgress(out io.Writer, what string, expected int) *progress {
	p := &progress{out: out, what: what, expected: expected}
	if expected > 0 && term.IsTerminal(int(os.Stdout.Fd())) {
		p.bar = progressbar.NewOptions(expected, progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	return p
}

func (p *progress) show(status workflows.Status) {
	p.failures = 0
	shared, held := 0, 0
	for _, flow := range status.Flows {
		shared, held = shared+flow.Shared, held+flow.Held
	}
	if p.bar != nil {
		_ = p.bar.Set(min(shared, p.expected)) // a bar that cannot be drawn is no reason to stop
		return
	}
	if p.expected > 0 && p.due(2*time.Second) {
		say(p.out, fmt.Sprintf("%s: %d of about %d shared and blocked, %d held", p.what, shared, p.expected, held))
	}
}

// trouble tells that the status is not to be had, now and then while that lasts.
func (p *progress) trouble(err error) {
	p.failures++
	if errors.Is(err, errSilent) { // which has taken its time
		p.failures = max(p.failures, failuresToTell)
	}
	if p.failures < failuresToTell || !p.due(10*time.Second) {
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	say(p.out, p.what+": no status yet: "+indicator.Printable(err.Error(), longestTrouble))
}

// due says whether it is time for another line.
func (p *progress) due(every time.Duration) bool {
	if time.Since(p.lastLine) < every {
		return false
	}
	p.lastLine = time.Now()
	return true
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
