package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

// workerStops is how long a worker may take after SIGTERM: 20 seconds for steps at work, 5 for its pages.
const workerStops = 25 * time.Second

// endsByItself says whether a service has done its work once it has ended.
func endsByItself(name string) bool {
	return slices.Contains([]string{"temporal-schema", "temporal-setup", "demo-integration"}, name)
}

func TestPortsArePublishedOnLoopbackOnly(t *testing.T) {
	published := map[string]string{}
	for name, service := range everything(t).Services {
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, name)
			published[port.Published] = name
		}
	}
	require.Equal(t, map[string]string{"7233": "temporal", "8233": "temporal-ui", "8080": "worker", "8025": "mailpit"}, published)
}

func TestImagesArePinnedOrBuiltHere(t *testing.T) {
	stages := dockerfile(t)
	for name, service := range everything(t).Services {
		if service.Build == nil {
			require.True(t, isPinned(service.Image), "%s: %s", name, service.Image)
			continue
		}
		require.Equal(t, types.PullPolicyBuild, service.PullPolicy, "%s: somebody else may own that name in a registry", name)
		_, found := stages.named(service.Build.Target)
		require.True(t, found, "%s: the Dockerfile has no target %s", name, service.Build.Target)
	}
	for _, image := range []string{"postgres", "postgres:latest", "postgres:bookworm", "temporalio/ui:${VERSION}", "postgres:17"} {
		require.False(t, isPinned(image), image)
	}
}

func TestServicesMayDoNoMoreThanTheyNeed(t *testing.T) {
	for name, service := range everything(t).Services {
		require.Regexp(t, userID, service.User, "%s must not run as root", name)
		require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		require.Equal(t, []string{"no-new-privileges:true"}, service.SecurityOpt, name)
		require.Empty(t, service.CapAdd, name)
		require.False(t, service.Privileged, name)
		require.Empty(t, service.Pid+service.Ipc+service.UserNSMode+service.Uts, "%s: a namespace of the host", name)
		require.Empty(t, service.Devices, name)
		if name != "temporal-ui" { // whether its image writes its configuration at the start depends on the version
			require.True(t, service.ReadOnly, name)
		}
		require.Equal(t, "10m", service.Logging.Options["max-size"], "%s: logs must not fill the disk", name)
	}
	worker := everything(t).Services["worker"]
	require.NotZero(t, worker.MemLimit)
	require.Empty(t, worker.Volumes, "several workers can run, none of them keeps anything")
	require.Empty(t, worker.Tmpfs)
}

func TestTheDatabaseIsOutOfReachFromOutside(t *testing.T) {
	project := everything(t)
	require.True(t, project.Networks["database"].Internal)
	postgres := project.Services["postgres"]
	require.Equal(t, []string{"database"}, postgres.NetworksByPriority())
}

func TestServicesThatRunForGoodAreWatchedAndRestarted(t *testing.T) {
	for name, service := range everything(t).Services {
		if endsByItself(name) {
			require.Equal(t, types.RestartPolicyNo, service.Restart, name)
			require.Nil(t, service.HealthCheck, name)
			continue
		}
		require.Equal(t, types.RestartPolicyUnlessStopped, service.Restart, name)
		require.NotNil(t, service.HealthCheck, name)
		require.Greater(t, len(service.HealthCheck.Test), 1, name)
		require.Equal(t, "CMD", service.HealthCheck.Test[0], "%s: there may be no shell", name)
		require.NotNil(t, service.HealthCheck.Interval, name)
		require.NotNil(t, service.HealthCheck.Timeout, name)
	}
}

func TestServicesWaitForWhatTheyNeed(t *testing.T) {
	services := everything(t).Services
	for name, service := range services {
		for needed, how := range service.DependsOn {
			switch {
			case endsByItself(needed):
				require.Equal(t, types.ServiceConditionCompletedSuccessfully, how.Condition, "%s → %s", name, needed)
			case name == "simulator": // shares the worker's network, and must be up before the worker is of use
				require.Equal(t, types.ServiceConditionStarted, how.Condition)
				require.True(t, how.Restart, "a new worker has a new network")
			default:
				require.Equal(t, types.ServiceConditionHealthy, how.Condition, "%s → %s", name, needed)
			}
		}
	}
	require.Contains(t, services["worker"].DependsOn, "temporal-setup", "the search attribute is there before the first integration")
	require.Contains(t, services["worker"].DependsOn, "postgres")
	require.Contains(t, services["temporal"].DependsOn, "temporal-schema")
	temporal := services["temporal"]
	require.Equal(t, 1, temporal.GetScale(), "two that start at once on an empty database race")
}

func TestAWorkerHasTimeToEnd(t *testing.T) {
	grace := everything(t).Services["worker"].StopGracePeriod
	require.NotNil(t, grace)
	require.Greater(t, time.Duration(*grace), workerStops)
}

func TestTheHealthCheckOfTheWorkerIsThatOfItsImage(t *testing.T) {
	stages := dockerfile(t)
	for _, name := range []string{"worker", "simulator"} {
		service := everything(t).Services[name]
		stage, _ := stages.named(service.Build.Target)
		require.Equal(t, stage.health[0], service.HealthCheck.Test[1], name)
		require.Equal(t, stage.health[1], service.HealthCheck.Test[2], name)
	}
}

func TestMountedFilesExistAndCannotBeChanged(t *testing.T) {
	for name, service := range everything(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				require.Equal(t, "postgres", name, "only the database keeps something")
				continue
			}
			require.True(t, volume.ReadOnly, "%s: %s", name, volume.Target)
			info, err := os.Stat(volume.Source)
			require.NoError(t, err, name)
			if !info.IsDir() && filepath.Ext(volume.Source) == ".sh" {
				require.NotZero(t, info.Mode().Perm()&0o005, "%s must be readable and executable for a container's user", volume.Source)
			}
		}
		for _, part := range service.Entrypoint {
			if folder, file := filepath.Split(part); folder == "/deploy/" {
				require.FileExists(t, filepath.Join("temporal", file), name)
			}
		}
	}
}
