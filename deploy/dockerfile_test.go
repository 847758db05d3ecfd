package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stage is a stage of the Dockerfile, with what it has from the stage below it.
type stage struct {
	name, from   string
	user         string
	entrypoint   []string
	health       []string
	instructions []string // each on one line
}

type stages []stage

func (s stages) named(name string) (stage, bool) {
	for _, stage := range s {
		if stage.name == name {
			return stage, true
		}
	}
	return stage{}, false
}

var (
	continued   = regexp.MustCompile(`\\\n\s*`)
	instruction = regexp.MustCompile(`^([A-Z]+)\s+(.+)$`)
	fromLine    = regexp.MustCompile(`^(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?$`)
	healthLine  = regexp.MustCompile(`^(?:--\S+\s+)*CMD\s+(.+)$`)
)

// dockerfile reads the Dockerfile. A command that is not in exec form fails the test: no image has a shell.
func dockerfile(t *testing.T) stages {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	var all stages
	for line := range lines([]byte(continued.ReplaceAllString(string(text), " "))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := instruction.FindStringSubmatch(line)
		require.NotNil(t, parts, line)
		if parts[1] == "FROM" {
			from := fromLine.FindStringSubmatch(parts[2])
			require.NotNil(t, from, line)
			below, _ := all.named(from[1])
			all = append(all, stage{name: from[2], from: from[1], user: below.user})
		}
		current := &all[len(all)-1]
		current.instructions = append(current.instructions, line)
		switch parts[1] {
		case "USER":
			current.user = parts[2]
		case "ENTRYPOINT":
			require.NoError(t, json.Unmarshal([]byte(parts[2]), &current.entrypoint), line)
		case "CMD":
			require.True(t, json.Valid([]byte(parts[2])), line)
		case "HEALTHCHECK":
			check := healthLine.FindStringSubmatch(parts[2])
			require.NotNil(t, check, line)
			require.NoError(t, json.Unmarshal([]byte(check[1]), &current.health), line)
		}
	}
	return all
}

func TestImagesStandOnPinnedOnesOrOnNothing(t *testing.T) {
	stages := dockerfile(t)
	for _, stage := range stages {
		if _, ours := stages.named(stage.from); !ours && stage.from != "scratch" {
			require.True(t, isPinned(stage.from), stage.from)
		}
	}
}

func TestTheImageOfTheWorkerIsTheDefault(t *testing.T) {
	stages := dockerfile(t)
	require.Equal(t, "worker", stages[len(stages)-1].name)
}

func TestImagesRunOneProgramAsAUserThatIsNotRoot(t *testing.T) {
	for _, target := range []string{"worker", "simulator"} {
		stage, found := dockerfile(t).named(target)
		require.True(t, found)
		require.Regexp(t, userID, stage.user)
		require.Equal(t, []string{"/usr/local/bin/" + target}, stage.entrypoint)
		require.Equal(t, stage.entrypoint[0], stage.health[0])
	}
}

func TestNothingIsFetchedOrRunBesidesTheBuild(t *testing.T) {
	for _, stage := range dockerfile(t) {
		for _, line := range stage.instructions {
			require.NotRegexp(t, `^ADD|https?://|apt-get|apk `, line)
			if stage.name != "build" {
				require.NotRegexp(t, "^RUN", line, "there is no shell in %s", stage.name)
			}
		}
	}
}

func TestTheImageHasAGoThatGoModAccepts(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(text)
	require.NotNil(t, wanted)
	build, _ := dockerfile(t).named("build")
	require.True(t, strings.HasPrefix(build.from, "golang:"+string(wanted[1])+"."), build.from)
}
