package main_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// starter is the built command.
var starter string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "starter")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	starter = filepath.Join(dir, "starter")
	if out, err := exec.Command("go", "build", "-o", starter, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the starter: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// result is what a run of the command gave.
type result struct {
	code           int
	output, errors string
}

// run runs the command where nothing can be reached but what address says.
func run(t *testing.T, address, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), starter, args...)
	cmd.Env = []string{"TEMPORAL_ADDRESS=" + address, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(stdin)
	var output, said strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &said
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return result{exit.ExitCode(), output.String(), said.String()}
	}
	require.NoError(t, err)
	return result{0, output.String(), said.String()}
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// watched gives an address that counts who connects: with bad input nobody may.
func watched(t *testing.T) (address string, connections func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	counted := make(chan int, 1)
	go func() {
		n := 0
		for {
			conn, err := listener.Accept()
			if err != nil {
				counted <- n
				return
			}
			n++
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), func() int {
		require.NoError(t, listener.Close())
		return <-counted
	}
}

const badFile = `name: Acme
fetchDuration: 0s
sendToFalcon:
  urlDomains: {enabled: true, action: prevent}
  attachmentHash: {}
`

func TestFault_P16_ABadSettingsFileGetsEveryProblemBeforeAnythingIsContacted(t *testing.T) {
	address, connections := watched(t)
	path := file(t, "bad.yaml", badFile)
	got := run(t, address, "", "start", "-f", path)
	require.Equal(t, result{2, "", strings.ReplaceAll(`bad.yaml:1: name: must be 1 to 40 characters of a-z, 0-9 and -, not "Acme"
bad.yaml:2: fetchDuration: must be between 1m and 720h, not 0s
bad.yaml:4: sendToFalcon.urlDomains.action: Falcon only detects domains and cannot prevent them: must be one of no_action, detect
bad.yaml:5: sendToFalcon.attachmentHash: unknown setting; did you mean sendToFalcon.attachmentHashes?
`, "bad.yaml", path)}, got)
	require.Zero(t, connections())
}

func TestABadChangeGetsEveryProblemBeforeAnythingIsContacted(t *testing.T) {
	address, connections := watched(t)
	path := file(t, "patch.yaml", "dryrun: true\nsendToFalcon:\n  platforms: [ios]\n")
	got := run(t, address, "", "change", "acme", "-f", path, "--set", "fetchDuration=5", "--set", "nonsense", "--set", "credentials=other")
	require.Equal(t, result{2, "", strings.ReplaceAll(`patch.yaml:1: dryrun: unknown setting; did you mean dryRun?
patch.yaml:3: sendToFalcon.platforms[0]: ios needs Falcon for Mobile, which is not supported: must be one of windows, mac, linux
--set: fetchDuration: must be a duration in hours, minutes or seconds such as "168h" or "1h30m", not "5"
--set nonsense: must be path=value, such as sendToFalcon.urlDomains.enabled=false
--set: credentials: is immutable: it was chosen when the integration was started
`, "patch.yaml", path)}, got)
	require.Zero(t, connections())
}

func TestAChangeOfWhatIsImmutableIsToldWithTheOtherProblems(t *testing.T) {
	address, connections := watched(t)
	path := file(t, "patch.yaml", "name: b\ncredentials: c\nfetchDuration: 0s\n")
	got := run(t, address, "", "change", "acme", "-f", path)
	require.Equal(t, result{2, "", strings.ReplaceAll(`patch.yaml:1: name: is immutable: it stays "acme"; start another integration for another name
patch.yaml:2: credentials: is immutable: leave it out, or name the set that the integration was started with
patch.yaml:3: fetchDuration: must be between 1m and 720h, not 0s
`, "patch.yaml", path)}, got)
	require.Zero(t, connections())
}

func TestHelpOffersAllFlows(t *testing.T) {
	for _, command := range []string{"sync", "preview"} {
		got := run(t, "127.0.0.1:1", "", command, "--help")
		require.Zero(t, got.code)
		require.Contains(t, got.output, "share-ttp-logs, import-iocs, import-alerts")
	}
}

func TestAnUnknownFlowIsRefusedWithTheList(t *testing.T) {
	address, connections := watched(t)
	for _, command := range []string{"sync acme import", "preview acme import", "sync acme import --approve"} {
		got := run(t, address, "", strings.Fields(command)...)
		require.Equal(t, result{2, "", "flow \"import\": must be one of share-ttp-logs, import-iocs, import-alerts\n"}, got, command)
	}
	require.Zero(t, connections())
}

func TestBadArgumentsEndWithExitCode2BeforeAnythingIsContacted(t *testing.T) {
	address, connections := watched(t)
	for _, line := range []string{
		"frobnicate", "start", "start -f no-such-file.yaml", "start -f x.yaml more", "start --no-such-flag", "settings", "change",
		"change acme", "sync", "sync acme share", "sync acme share-ttp-logs more", "preview", "preview acme share-ttp-logs more",
		"withdraw", "withdraw acme beta", "withdraw acme --no", "stop", "stop acme beta", "status acme beta",
		"start -f x.yaml --wait-at-most soon",
	} {
		got := run(t, address, "", strings.Fields(line)...)
		require.Equal(t, 2, got.code, "%s: %s", line, got.errors)
		require.NotEmpty(t, got.errors, line)
		require.Empty(t, got.output, line)
	}
	require.Zero(t, connections())
}

func TestSettingsAreReadFromStandardInput(t *testing.T) {
	got := run(t, "127.0.0.1:1", badFile, "start", "-f", "-")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.errors, "-:2: fetchDuration")
}

func TestAnEndlessFileIsNotReadToItsEnd(t *testing.T) {
	got := run(t, "127.0.0.1:1", strings.Repeat("# x\n", 1<<20), "start", "-f", "-")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.errors, "is too large")
}

func TestAnUnreachableServerIsNamedByItsAddress(t *testing.T) {
	got := run(t, "127.0.0.1:2", "", "status", "--address", "127.0.0.1:1")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.errors, "127.0.0.1:1: ")
	require.Contains(t, got.errors, "--address or TEMPORAL_ADDRESS")
	require.NotContains(t, got.errors, "127.0.0.1:2")
}

func TestHelpTellsTheExitCodes(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {}} {
		got := run(t, "127.0.0.1:1", "", args...)
		require.Zero(t, got.code)
		require.Contains(t, got.output, "Exit codes:")
		for _, command := range []string{"start", "status", "settings", "change", "preview", "sync", "stop", "withdraw", "version", "schema"} {
			require.Contains(t, got.output, "\n  "+command+" ")
		}
	}
}

func TestVersionNamesTheBuild(t *testing.T) {
	got := run(t, "127.0.0.1:1", "", "version")
	require.Zero(t, got.code)
	require.Regexp(t, `^threatshare \S+.*go1\.`, got.output)
}

func TestSchemaPrintsTheShippedFile(t *testing.T) {
	shipped, err := os.ReadFile("../settings.schema.json")
	require.NoError(t, err)
	require.Equal(t, result{0, string(shipped), ""}, run(t, "127.0.0.1:1", "", "schema"))
}
