package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

// This test is inside the package because the program exports nothing.

func TestAMailIsALineAndAFile(t *testing.T) {
	var out strings.Builder
	dir := t.TempDir()
	showMail(&out, dir, 2, mailtest.Message{To: []string{"soc@demo.example"}, Subject: "demo: connected", Text: "It works again.\n"})
	path := filepath.Join(dir, "mail-2.txt")
	require.Equal(t, "==> mail to soc@demo.example: demo: connected ("+path+")\n", out.String())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "To: soc@demo.example\nSubject: demo: connected\n\nIt works again.\n", string(text))
}
