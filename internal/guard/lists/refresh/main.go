// Refresh rewrites the shipped lists that are made from published packages: free-mail.txt and popular-sites.txt, from
// what `npm pack` fetches (no package code is run), and known-good-hashes.txt, which it computes. The other lists are
// kept by hand. Run it with `make lists`, or from the root of the module:
//
//	go run ./internal/guard/lists/refresh
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		log.Error("lists not refreshed", "error", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	dir := flag.String("dir", filepath.Join("internal", "guard", "lists"), "where the lists are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()

	scratch, err := os.MkdirTemp("", "threatshare-lists-")
	if err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	freeMail, err := freeMailList(ctx, scratch)
	if err != nil {
		return fmt.Errorf("make free-mail: %w", err)
	}
	popular, err := popularSitesList(ctx, scratch)
	if err != nil {
		return fmt.Errorf("make popular-sites: %w", err)
	}
	knownGood, err := knownGoodList()
	if err != nil {
		return fmt.Errorf("make known-good-hashes: %w", err)
	}
	// All are made before any is written, so that a failure leaves the lists as they were.
	for _, made := range []list{freeMail, popular, knownGood} {
		path := filepath.Join(*dir, made.name+".txt")
		if err := made.write(path, time.Now().UTC()); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		log.Info("list written", "path", path, "entries", len(made.entries))
	}
	return nil
}

// list is one file: entries and, for some, what they are.
type list struct {
	name, version, origin, licence string
	about                          string // lines of the header that say what it is
	entries                        map[string]string
}

// write refuses a list that has lost half its entries: a package that was emptied must not empty the guard.
func (l list) write(path string, now time.Time) error {
	if before, err := os.ReadFile(path); err == nil { //nolint:gosec // the path is the maintainer's own argument
		if lines := strings.Count(string(before), "\n"); len(l.entries) < lines/2 {
			return fmt.Errorf("%d entries, the file has %d lines: remove it first if that is right", len(l.entries), lines)
		}
	}
	var text strings.Builder
	for _, field := range [][2]string{
		{"name", l.name}, {"version", l.version}, {"date", now.Format(time.DateOnly)}, {"origin", l.origin}, {"licence", l.licence},
	} {
		fmt.Fprintf(&text, "# %s: %s\n", field[0], field[1])
	}
	text.WriteString("#\n")
	for line := range strings.SplitSeq(l.about, "\n") {
		fmt.Fprintf(&text, "# %s\n", line)
	}
	for _, entry := range slices.Sorted(maps.Keys(l.entries)) {
		text.WriteString(strings.TrimRight(entry+" "+l.entries[entry], " ") + "\n")
	}
	return os.WriteFile(path, []byte(text.String()), 0o644) //nolint:gosec // a source file, readable as the others are
}
