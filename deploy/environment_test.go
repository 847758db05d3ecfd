package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator"
)

const secretsFolder = "/run/secrets/"

// environ is a service's environment as the program in the container gets it, with its secrets where they are here.
func environ(t *testing.T, project *types.Project, name string) []string {
	t.Helper()
	var environ []string
	for variable, value := range project.Services[name].Environment {
		require.NotNil(t, value, "%s would be taken from the environment of whoever runs Compose", variable)
		text := *value
		if secret, found := strings.CutPrefix(text, secretsFolder); found {
			text = project.Secrets[secret].File
		}
		environ = append(environ, variable+"="+text)
	}
	return environ
}

func TestTheWorkerOfTheDemoReadsWhatIsMeant(t *testing.T) {
	project, err := load(t, demo(t), "demo")
	require.NoError(t, err)
	cfg, err := config.Read(environ(t, project, "worker"))
	require.NoError(t, err)
	password, err := os.ReadFile("demo/ledger_db_password.txt")
	require.NoError(t, err)
	require.Equal(t, "postgres://threatshare:"+strings.TrimSpace(string(password))+"@postgres:5432/threatshare?sslmode=disable", cfg.Ledger.Reveal())
	require.Equal(t, "0.0.0.0:8080", cfg.Listen)
	require.Equal(t, "json", cfg.LogFormat)
	require.Equal(t, "threatshare", cfg.TaskQueue)
	require.Equal(t, "threatshare@demo.example", cfg.MailFrom)
	require.Equal(t, "http://127.0.0.1:8233", cfg.TemporalUI, "where the UI's port is published")

	// What it connects to is where the simulator listens.
	addresses := map[string]string{}
	for _, argument := range project.Services["simulator"].Command {
		name, value, _ := strings.Cut(argument, "=")
		addresses[name] = value
	}
	credentials, err := cfg.Credentials("")
	require.NoError(t, err)
	require.Equal(t, config.Credentials{
		Mimecast: config.Mimecast{
			BaseURL: "http://" + addresses["-mimecast"], ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoMimecastSecret),
		},
		Falcon: config.Falcon{
			BaseURL: "http://" + addresses["-falcon"], ClientID: simulator.DemoClientID, ClientSecret: config.NewSecret(simulator.DemoFalconSecret),
		},
	}, credentials)
	require.Equal(t, strings.TrimPrefix(cfg.SMTPURL.Reveal(), "smtp://")+"=mailpit:1025", addresses["-forward"])
}

func TestTheWorkerOfProductionReadsWhatIsMeant(t *testing.T) {
	folder := t.TempDir()
	environment := production()
	environment["THREATSHARE_SECRETS"] = folder
	project, err := load(t, environment)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"mimecast_client_secret": "mc-secret", "falcon_client_secret": "cs-secret", "ledger_url": "postgres://u:p@postgres/db",
		"smtp_url": "smtps://u:p@mail.acme.example",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".txt"), []byte(text+"\n"), 0o600))
	}
	cfg, err := config.Read(environ(t, project, "worker"))
	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@postgres/db", cfg.Ledger.Reveal())
	require.Equal(t, "smtps://u:p@mail.acme.example", cfg.SMTPURL.Reveal())
	credentials, err := cfg.Credentials("")
	require.NoError(t, err)
	require.Equal(t, "https://api.services.mimecast.com", credentials.Mimecast.BaseURL, "an empty variable leaves the default")
	require.Equal(t, "mc-id", credentials.Mimecast.ClientID)
	require.Equal(t, "mc-secret", credentials.Mimecast.ClientSecret.Reveal())
	require.Equal(t, "https://falcon.example", credentials.Falcon.BaseURL)
	require.Equal(t, "cs-id", credentials.Falcon.ClientID)
	require.Equal(t, "cs-secret", credentials.Falcon.ClientSecret.Reveal())
	require.Empty(t, credentials.Falcon.MemberCID)
}

func TestOurProgramsReadEveryVariableThatTheyAreGiven(t *testing.T) {
	known := variables(t)
	services := everything(t).Services
	for _, name := range []string{"worker", "demo-integration"} {
		require.NotEmpty(t, services[name].Environment)
		for variable := range services[name].Environment {
			require.True(t, known(variable), "%s: nobody reads %s", name, variable)
		}
	}
	require.Empty(t, services["simulator"].Environment)
	for _, variable := range []string{"THREATSHARE_LEDGER_FILES", "FALCON_SECRET", "TEMPORAL_HOST", "MIMECAST_CLIENT_ID_FILE", "HOME"} {
		require.False(t, known(variable), variable)
	}
}

// variables tells which variables the worker reads.
func variables(t *testing.T) func(name string) bool {
	t.Helper()
	known := map[string]bool{"GOMEMLIMIT": true, config.CodecKeysVariable: true, config.CodecKeysVariable + "_FILE": true} // by Go itself, and by all programs
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("env")
		if name == "" {
			continue
		}
		known[name] = true
		if field.Type == reflect.TypeFor[config.Secret]() {
			known[name+"_FILE"] = true
		}
	}
	asked := lookups{}
	_, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{DisableFile: true, EnvLookup: asked})
	require.NoError(t, err)
	maps.Copy(known, asked)
	return func(name string) bool {
		cfg, err := config.Read([]string{name + "=x"})
		ofSet := err == nil && len(cfg.CredentialSets()) > 0
		return known[name] || ofSet
	}
}

// lookups keeps the names that were looked up.
type lookups map[string]bool

func (lookups) Environ() []string { return nil }

func (l lookups) LookupEnv(name string) (string, bool) {
	l[name] = true
	return "", false
}

// hidden is the name of a variable whose value nobody should see.
var hidden = regexp.MustCompile(`SECRET|PASSWORD|PWD|TOKEN|LEDGER|SMTP_URL|API_KEY|CODEC_KEYS`)

func TestSecretsAreFilesAndGoToThoseWhoReadThem(t *testing.T) {
	project := everything(t)
	for name, service := range project.Services {
		var told strings.Builder // what tells the service where its secrets are
		for variable, value := range service.Environment {
			if hidden.MatchString(variable) {
				require.Regexp(t, "_FILE$", variable, name)
				require.Regexp(t, "^"+secretsFolder, *value, name)
			}
			told.WriteString(*value + "\n")
		}
		for _, volume := range service.Volumes {
			for _, script := range append(service.Entrypoint, volume.Target) {
				if text, err := os.ReadFile(filepath.Join("temporal", filepath.Base(script))); err == nil {
					told.Write(text)
				} else if text, err := os.ReadFile(volume.Source); err == nil {
					told.Write(text)
				}
			}
		}
		var given []string
		for _, secret := range service.Secrets {
			require.Equal(t, secretsFolder+secret.Source, secret.Target, name)
			require.Regexp(t, "/"+secret.Source+`\b`, told.String(), "%s does not read it", name)
			given = append(given, secret.Source)
		}
		for secret := range project.Secrets {
			if strings.Contains(told.String(), secretsFolder+secret+"\n") {
				require.Contains(t, given, secret, name)
			}
		}
	}
}

func TestEachSecretIsAFileThatGitIgnoresAndThatIsExplained(t *testing.T) {
	project, err := load(t, production())
	require.NoError(t, err)
	ignored, err := os.ReadFile("secrets/.gitignore")
	require.NoError(t, err)
	require.Regexp(t, `(?m)^\*$`, string(ignored))
	explained, err := os.ReadFile("secrets/README.md")
	require.NoError(t, err)
	made, err := os.ReadFile("secrets/make.sh")
	require.NoError(t, err)
	here, err := filepath.Abs("secrets")
	require.NoError(t, err)
	for name, secret := range project.Secrets {
		require.Equal(t, filepath.Join(here, name+".txt"), secret.File)
		require.Contains(t, string(explained), "`"+name+".txt`")
		require.Contains(t, string(made), name+".txt")
		require.NotRegexp(t, `(?m)^!.*\.txt`, string(ignored))
	}
}

func TestTheIntegrationOfTheDemoIsValidAndSendsMail(t *testing.T) {
	text, err := os.ReadFile("demo/demo.yaml")
	require.NoError(t, err)
	parsed, err := settings.Parse(text)
	require.NoError(t, err)
	require.Equal(t, "demo", parsed.Name)
	require.NotEmpty(t, parsed.Notify)
	require.Empty(t, parsed.Credentials, "the worker has the default set only")
}
