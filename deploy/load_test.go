// Package deploy_test looks at what the project is deployed with (docker-compose.yml, Dockerfile, and the files beside this
// one) as far as that goes without a container engine: as Compose's own loader reads them, and with the worker's own reader
// of its environment.
package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/samber/lo"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
)

const (
	root        = ".."
	composeFile = "../docker-compose.yml"
)

// required are the variables without which production does not start.
func required() []string {
	return []string{"FALCON_BASE_URL", "FALCON_CLIENT_ID", "MIMECAST_CLIENT_ID", "THREATSHARE_MAIL_FROM"}
}

// production is an environment that production starts with.
func production() map[string]string {
	return map[string]string{
		"FALCON_BASE_URL": "https://falcon.example", "FALCON_CLIENT_ID": "cs-id", "MIMECAST_CLIENT_ID": "mc-id",
		"THREATSHARE_MAIL_FROM": "bot@acme.example",
	}
}

// demo is the environment that deploy/demo.env gives.
func demo(t *testing.T) map[string]string {
	t.Helper()
	options, err := cli.NewProjectOptions(nil, cli.WithEnvFiles("demo.env"), cli.WithDotEnv)
	require.NoError(t, err)
	return options.Environment
}

// load loads the file as Compose does, with nothing but this environment. Every warning of the loader is an error.
func load(t *testing.T, environment map[string]string, profiles ...string) (*types.Project, error) {
	t.Helper()
	return loadFiles(t, []string{composeFile}, environment, profiles...)
}

func loadFiles(t *testing.T, files []string, environment map[string]string, profiles ...string) (*types.Project, error) {
	t.Helper()
	before := logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	defer logrus.StandardLogger().ReplaceHooks(before)
	logrus.AddHook(failing{t})
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(root),
		cli.WithEnv(lo.MapToSlice(environment, func(name, value string) string { return name + "=" + value })),
		cli.WithProfiles(profiles))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

// failing fails the test for each warning and worse.
type failing struct{ t *testing.T }

func (failing) Levels() []logrus.Level { return logrus.AllLevels[:logrus.WarnLevel+1] }

func (f failing) Fire(entry *logrus.Entry) error {
	f.t.Errorf("the loader warns: %s", entry.Message)
	return nil
}

// everything is the project with the services of all profiles.
func everything(t *testing.T) *types.Project {
	t.Helper()
	project, err := load(t, demo(t), "*")
	require.NoError(t, err)
	require.Empty(t, project.DisabledServices)
	return project
}

func TestProductionHasItsServicesAndNoneOfTheDemos(t *testing.T) {
	project, err := load(t, production())
	require.NoError(t, err)
	require.Equal(t, "threatshare", project.Name)
	require.ElementsMatch(t, []string{"postgres", "temporal-schema", "temporal", "temporal-setup", "temporal-ui", "worker"},
		project.ServiceNames())
	require.ElementsMatch(t, []string{"simulator", "mailpit", "demo-integration"}, project.DisabledServiceNames())
}

func TestProductionDoesNotStartWithoutAnID(t *testing.T) {
	_, err := load(t, nil)
	for _, name := range required() {
		require.ErrorContains(t, err, "required variable "+name+" is missing a value: ", "all of them are told at once")

		almost := production()
		almost[name] = ""
		_, err := load(t, almost)
		require.ErrorContains(t, err, name)
	}
}

func TestTheDemoNeedsNothingThatTheRepositoryDoesNotHave(t *testing.T) {
	project, err := load(t, demo(t), "demo")
	require.NoError(t, err)
	require.Empty(t, project.DisabledServices)
	require.Equal(t, "threatshare-demo", project.Name, "its volumes are not production's")
	for name, secret := range project.Secrets {
		text, err := os.ReadFile(secret.File)
		require.NoError(t, err, name)
		require.NotEmpty(t, text, name)
		require.Equal(t, "demo", filepath.Base(filepath.Dir(secret.File)), name)
	}
}

func TestTheExampleOfAnEnvironmentHasAllVariablesAndNoOthers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".env.example"))
	require.NoError(t, err)
	var offered []string
	for line := range lines(text) {
		if name := assignment.FindStringSubmatch(line); name != nil {
			offered = append(offered, name[1])
		}
	}
	composed, err := os.ReadFile(composeFile)
	require.NoError(t, err)
	used := map[string]bool{}
	for _, match := range interpolation.FindAllSubmatch(composed, -1) {
		used[string(match[1])] = true
	}
	delete(used, "THREATSHARE_SECRETS") // for the demo
	delete(used, "MAILPIT_PORT")
	require.ElementsMatch(t, slices.Collect(maps.Keys(used)), offered)
	require.Subset(t, offered, required())
}
