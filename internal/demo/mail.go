package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

// Who the demo's mail is from and to. Nothing of it leaves this machine.
const (
	mailFrom = "threatshare@demo.example"
	mailTo   = "soc@demo.example"
)

// catchMail starts a mail server that shows a line for each mail and keeps it as a file. It ends with ctx.
func catchMail(ctx context.Context, out io.Writer) (*mailtest.Server, error) {
	server, err := mailtest.Start(ctx, mailtest.Options{})
	if err != nil {
		return nil, err
	}
	go func() {
		for n := 1; ; n++ {
			all, err := server.Await(ctx, n)
			if err != nil {
				return // the server has ended
			}
			showMail(out, folder, n, all[n-1])
		}
	}()
	return server, nil
}

// showMail tells of the n-th mail, and puts it into a file of dir.
func showMail(out io.Writer, dir string, n int, mail mailtest.Message) {
	to, path := strings.Join(mail.To, ", "), filepath.Join(dir, fmt.Sprintf("mail-%d.txt", n))
	text := fmt.Sprintf("To: %s\nSubject: %s\n\n%s", to, mail.Subject, mail.Text)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		path = err.Error()
	}
	say(out, fmt.Sprintf("mail to %s: %s (%s)", to, mail.Subject, path))
}
