package deploy_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs are what the Dockerfile builds.
func programs() []string {
	return []string{"./worker", "./starter", "./internal/simulator/cmd/simulator"}
}

// buildContext tells which files of the repository reach an image's build, by .dockerignore. It knows as much of its patterns as
// are used here: "*", a path with or without a slash at its end, and one name behind "**/".
type buildContext []string

func readContext(t *testing.T) buildContext {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	require.NoError(t, err)
	var patterns buildContext
	for line := range lines(text) {
		if !strings.HasPrefix(line, "#") {
			patterns = append(patterns, strings.TrimSuffix(line, "/"))
		}
	}
	return patterns
}

// has says whether a file is there; the last pattern that fits decides.
func (c buildContext) has(file string) bool {
	there := true
	for _, pattern := range c {
		pattern, again := strings.CutPrefix(pattern, "!")
		if fits(pattern, file) {
			there = again
		}
	}
	return there
}

// fits says whether a pattern names the file or a folder above it.
func fits(pattern, file string) bool {
	name, anywhere := strings.CutPrefix(pattern, "**/")
	for part := file; part != "."; part = path.Dir(part) {
		if pattern == "*" || pattern == part {
			return true
		}
		if matched, _ := path.Match(name, path.Base(part)); anywhere && matched {
			return true
		}
	}
	return false
}

func TestTheBuildGetsAllThatItCompiles(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=Dir,GoFiles,EmbedFiles,Module"}, programs()...)...)
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	sent, files := readContext(t), 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			Dir                 string
			GoFiles, EmbedFiles []string
			Module              *struct{ Main bool }
		}
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if pkg.Module == nil || !pkg.Module.Main {
			continue
		}
		for _, file := range append(pkg.GoFiles, pkg.EmbedFiles...) {
			relative, err := filepath.Rel(here, filepath.Join(pkg.Dir, file))
			require.NoError(t, err)
			require.True(t, sent.has(filepath.ToSlash(relative)), relative)
			files++
		}
	}
	require.Greater(t, files, 100)
}

func TestTheBuildGetsNoSecretAndNothingThatChangesByItself(t *testing.T) {
	sent := readContext(t)
	for _, file := range []string{
		"deploy/secrets/falcon_client_secret.txt", ".env", ".git/config", "threatshare.db", "bin/worker", ".demo/ledger.db",
		"docs/guard.md", "worker/main_test.go", "workflows/testdata/history.json", "Dockerfile",
	} {
		require.False(t, sent.has(file), file)
	}
	for _, file := range []string{"go.mod", "go.sum", "LICENSE", "worker/main.go"} {
		require.True(t, sent.has(file), file)
	}
}

func TestCopiedFilesAreInTheBuildContext(t *testing.T) {
	sent := readContext(t)
	for _, stage := range dockerfile(t) {
		for _, line := range stage.instructions {
			fields := strings.Fields(line)
			if fields[0] != "COPY" || strings.HasPrefix(fields[1], "--from=") || fields[1] == "." {
				continue
			}
			for _, file := range fields[1 : len(fields)-1] {
				require.FileExists(t, filepath.Join(root, file))
				require.True(t, sent.has(file), file)
			}
		}
	}
}
