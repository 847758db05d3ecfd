//go:build e2e && linux

package deploy_test

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/harness"
	"github.com/threatshare/threatshare/internal/ledger/pgtest"
	"github.com/threatshare/threatshare/internal/mail/mailtest"
)

// TestTheDemoRunsAsItsContainersWould runs what the Dockerfile builds, with the commands, the environment and the secrets of
// docker-compose.yml, as a user who may write nowhere. What a container engine adds is made up for: names of other containers
// become addresses of what stands in for them.
func TestTheDemoRunsAsItsContainersWould(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	image := buildAsTheDockerfile(ctx, t)
	for _, program := range []string{"worker", "starter", "simulator"} {
		requireStatic(t, filepath.Join(image, program))
	}

	logs := t.TempDir()
	server, err := harness.StartTemporal(ctx, "", logs, false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	mails, err := mailtest.Start(ctx, mailtest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, mails.Close()) })
	project, err := load(t, demo(t), "demo")
	require.NoError(t, err)

	network := map[string]string{"temporal:7233": server.Address, "mailpit:1025": mails.Address()}
	for _, address := range []string{"127.0.0.1:4010", "127.0.0.1:4020", "127.0.0.1:4030", "127.0.0.1:1025", "0.0.0.0:8080"} {
		network[address], err = harness.FreeAddress()
		require.NoError(t, err)
	}
	engine := engine{project: project, image: image, network: network, mounted: readable(t), root: unwritable(t)}
	for name, secret := range project.Secrets {
		text, err := os.ReadFile(secret.File)
		require.NoError(t, err)
		engine.mount(t, name, engine.seen(string(text)))
	}
	engine.mount(t, "ledger_url", pgtest.Start(t).Database(t))
	engine.mount(t, "demo.yaml", readText(t, "demo/demo.yaml"))

	worker := engine.start(ctx, t, "worker")
	simulator := engine.start(ctx, t, "simulator")
	for _, name := range []string{"worker", "simulator"} {
		require.NoError(t, harness.Until(ctx, "wait until "+name+" is healthy", func() error {
			return engine.command(ctx, name, project.Services[name].HealthCheck.Test[1:]).Run()
		}))
	}
	integration := project.Services["demo-integration"]
	out, err := engine.command(ctx, "demo-integration", append(integration.Entrypoint, append(integration.Command, "--wait")...)).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "connected")

	for name, process := range map[string]*exec.Cmd{"worker": worker, "simulator": simulator} {
		require.NoError(t, process.Process.Signal(syscall.SIGTERM))
		require.NoError(t, process.Wait(), "%s: %s", name, process.Stderr)
	}
	require.Error(t, engine.command(ctx, "worker", project.Services["worker"].HealthCheck.Test[1:]).Run(), "a worker that has ended is not healthy")
	left, err := os.ReadDir(engine.root)
	require.NoError(t, err)
	require.Empty(t, left)
}

// engine stands in for a container engine.
type engine struct {
	project *types.Project
	image   string            // folder of the programs
	network map[string]string // an address in the containers → here
	mounted string            // folder of secrets and other mounted files, by name
	root    string            // working directory
}

// mount puts a file where the containers' user can read it.
func (e engine) mount(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(e.mounted, name), []byte(text), 0o644))
}

// seen is a text of the Compose file, or of a secret, with the addresses and paths of here.
func (e engine) seen(text string) string {
	for there, here := range e.network {
		text = strings.ReplaceAll(text, there, here)
	}
	for _, folder := range []string{"/run/secrets", "/demo"} {
		text = strings.ReplaceAll(text, folder+"/", e.mounted+"/")
	}
	return strings.ReplaceAll(text, "/usr/local/bin/", e.image+"/")
}

// command runs in a service's container: with its environment and no other.
func (e engine) command(ctx context.Context, service string, line []string) *exec.Cmd {
	command := exec.CommandContext(ctx, e.seen(line[0]))
	for _, argument := range line[1:] {
		command.Args = append(command.Args, e.seen(argument))
	}
	command.Env = []string{}
	for name, value := range e.project.Services[service].Environment {
		command.Env = append(command.Env, name+"="+e.seen(*value))
	}
	command.Dir = e.root
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: 65532, Gid: 65532}
	}
	return command
}

// start starts a service as its image would.
func (e engine) start(ctx context.Context, t *testing.T, service string) *exec.Cmd {
	t.Helper()
	stage, found := dockerfile(t).named(e.project.Services[service].Build.Target)
	require.True(t, found)
	command := e.command(ctx, service, append(stage.entrypoint, e.project.Services[service].Command...))
	command.Stderr = &bytes.Buffer{}
	require.NoError(t, command.Start())
	return command
}

// buildAsTheDockerfile runs the Dockerfile's own line into a folder that everybody can read.
func buildAsTheDockerfile(ctx context.Context, t *testing.T) string {
	t.Helper()
	build, _ := dockerfile(t).named("build")
	into := readable(t)
	for _, line := range build.instructions {
		if !strings.Contains(line, "go build") {
			continue
		}
		line = strings.ReplaceAll(strings.TrimPrefix(line, "RUN "), "-o /out/", "-o '"+into+"/'")
		command := exec.CommandContext(ctx, "/bin/sh", "-c", line)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "TARGETOS=linux", "TARGETARCH=")
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		return into
	}
	require.Fail(t, "the Dockerfile builds nothing")
	return ""
}

// requireStatic fails if a program needs anything of the system it runs on, or tells where it was built.
func requireStatic(t *testing.T, path string) {
	t.Helper()
	program, err := elf.Open(path)
	require.NoError(t, err)
	defer program.Close()
	for _, part := range program.Progs {
		require.NotEqual(t, elf.PT_INTERP, part.Type, path)
	}
	libraries, err := program.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries, path)
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotRegexp(t, regexp.QuoteMeta(here+"/"), string(text), "%s is not built reproducibly", path)
}

// readable is a new folder that every user can enter.
func readable(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "threatshare-deploy-") //nolint:usetesting // t.TempDir is for its user alone
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	return folder
}

// unwritable is a new folder in which nothing can be made.
func unwritable(t *testing.T) string {
	t.Helper()
	folder := readable(t)
	require.NoError(t, os.Chmod(folder, 0o555))
	return folder
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
