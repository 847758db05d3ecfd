package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var (
	// variable is the name of an environment variable of ours, or of a program that we depend on.
	variable = regexp.MustCompile(`\b(?:THREATSHARE|MIMECAST|FALCON|TEMPORAL)_[A-Z_]*[A-Z]\b`)
	unitLine = regexp.MustCompile(`(?m)^(\w+)=(.*)$`)
	// override is an example of a docker-compose.override.yml in the guide.
	override = regexp.MustCompile("(?s)```yaml\n(services:.+?)```")
)

// deployment is the part of the Kubernetes example that is looked at.
type deployment struct {
	Spec struct {
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext               struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				Containers []struct {
					Image           string
					Env             []struct{ Name, Value string }
					LivenessProbe   probe `yaml:"livenessProbe"`
					ReadinessProbe  probe `yaml:"readinessProbe"`
					SecurityContext struct {
						ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
					} `yaml:"securityContext"`
					VolumeMounts []struct {
						MountPath string `yaml:"mountPath"`
						SubPath   string `yaml:"subPath"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type probe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

func TestTheKubernetesExampleFitsTheWorker(t *testing.T) {
	text, err := os.ReadFile("kubernetes/worker.yaml")
	require.NoError(t, err)
	var example deployment
	require.NoError(t, yaml.Unmarshal(text, &example))
	pod := example.Spec.Template.Spec
	require.Greater(t, time.Duration(pod.TerminationGracePeriodSeconds)*time.Second, workerStops)
	require.True(t, pod.SecurityContext.RunAsNonRoot)
	require.Len(t, pod.Containers, 1)
	worker := pod.Containers[0]
	require.True(t, isPinned(worker.Image))
	require.True(t, worker.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, "/healthz", worker.LivenessProbe.HTTPGet.Path, "a database that is away is no reason to restart workers")
	require.Equal(t, "/readyz", worker.ReadinessProbe.HTTPGet.Path)
	require.Empty(t, worker.VolumeMounts[0].SubPath, "a rotated secret would not arrive")
	known := variables(t)
	for _, given := range worker.Env {
		require.True(t, known(given.Name), "nobody reads %s", given.Name)
		if hidden.MatchString(given.Name) {
			require.Equal(t, worker.VolumeMounts[0].MountPath, filepath.Dir(given.Value), given.Name)
			require.Contains(t, string(text), "--from-file="+filepath.Base(given.Value), "the command for the Secret")
		}
	}
}

func TestTheSystemdUnitFitsTheWorker(t *testing.T) {
	text, err := os.ReadFile("systemd/threatshare-worker.service")
	require.NoError(t, err)
	known, unit := variables(t), map[string][]string{}
	for _, line := range unitLine.FindAllStringSubmatch(string(text), -1) {
		unit[line[1]] = append(unit[line[1]], line[2])
	}
	stop, err := strconv.Atoi(unit["TimeoutStopSec"][0])
	require.NoError(t, err)
	require.Greater(t, time.Duration(stop)*time.Second, workerStops)
	require.Equal(t, []string{"yes"}, unit["DynamicUser"])
	for _, assigned := range unit["Environment"] {
		name, value, _ := strings.Cut(assigned, "=")
		require.True(t, known(name), "nobody reads %s", name)
		if credential, found := strings.CutPrefix(value, "%d/"); found {
			require.Contains(t, unit["LoadCredential"], credential+":/etc/threatshare/secrets/"+credential)
		}
	}
}

func TestTheGuideNamesNoVariableThatNobodyReads(t *testing.T) {
	composed, err := os.ReadFile(composeFile)
	require.NoError(t, err)
	known, forCompose := variables(t), map[string]bool{}
	ofTheUI := map[string]bool{"TEMPORAL_CODEC_ENDPOINT": true, "TEMPORAL_CODEC_INCLUDE_CREDENTIALS": true} // config/docker.yaml of its image
	for _, match := range interpolation.FindAllSubmatch(composed, -1) {
		forCompose[string(match[1])] = true
	}
	for _, file := range []string{"docs/deployment.md", "docs/encryption.md", "deploy/secrets/README.md", ".env.example", "deploy/demo.env"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, name := range variable.FindAllString(string(text), -1) {
			require.True(t, known(name) || forCompose[name] || ofTheUI[name], "%s: nobody reads %s", file, name)
		}
	}
}

func TestTheGuidesChangesToTheComposeFileCanBeMade(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(root, "docs", "deployment.md"))
	require.NoError(t, err)
	examples, known := override.FindAllSubmatch(guide, -1), variables(t)
	require.Len(t, examples, 4)
	changed := make([]types.ServiceConfig, len(examples))
	for i, example := range examples {
		file := filepath.Join(t.TempDir(), "docker-compose.override.yml")
		require.NoError(t, os.WriteFile(file, example[1], 0o600))
		project, err := loadFiles(t, []string{composeFile, file}, production())
		require.NoError(t, err, string(example[1]))
		changed[i] = project.Services["worker"]
		for name := range changed[i].Environment {
			require.True(t, known(name), "nobody reads %s", name)
		}
		for _, secret := range changed[i].Secrets {
			require.Contains(t, project.Secrets, secret.Source)
		}
	}
	second, silent, encrypting, remote := changed[0], changed[1], changed[2], changed[3]
	require.Contains(t, second.Environment, "FALCON_CLIENT_ID")
	require.Len(t, second.Secrets, 6)
	require.NotContains(t, silent.Environment, "THREATSHARE_SMTP_URL_FILE")
	require.Len(t, silent.Secrets, 3)
	for _, name := range []string{"codec_keys", "console_password"} {
		require.Equal(t, secretsFolder+name, *encrypting.Environment["THREATSHARE_"+strings.ToUpper(name)+"_FILE"])
	}
	require.Len(t, encrypting.Secrets, 6)
	require.Equal(t, "temporal.acme.example:7233", *remote.Environment["TEMPORAL_ADDRESS"])
	require.Len(t, remote.DependsOn, 1)
}
