package main

import (
	"context"
	"fmt"
	"io"

	"github.com/threatshare/threatshare/internal/boot"
	"github.com/threatshare/threatshare/internal/config"
)

// checkHealth asks the worker that has the same environment whether it is ready, says why if it is not, and gives the exit code.
func checkHealth(ctx context.Context, environ []string, out io.Writer) int {
	cfg, err := config.Read(environ)
	if err == nil {
		err = boot.CheckReady(ctx, cfg.Listen)
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, "not ready:", err)
		return 1
	}
	_, _ = fmt.Fprintln(out, "ready")
	return 0
}
