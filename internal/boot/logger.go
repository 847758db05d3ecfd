// Package boot brings a program up: its logger, its connection to Temporal, the wait for servers it cannot do without, and its
// health page. What is specific to one program (its clients, workflows and commands) stays in that program's main.
package boot

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// Logger writes to w from level upwards: coloured lines for people with format "pretty", JSON with "json". With "auto", or
// anything else, it is pretty if w is a terminal. Colours are left out where w is no terminal or NO_COLOR is set.
func Logger(format string, level slog.Level, w io.Writer) *slog.Logger {
	tty := terminal(w)
	if format == "pretty" || format != "json" && tty {
		return slog.New(tint.NewTextHandler(w, &tint.Options{
			Level:      level,
			TimeFormat: "15:04:05",
			NoColor:    !tty || os.Getenv("NO_COLOR") != "",
		}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
