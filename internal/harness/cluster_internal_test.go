package harness

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/threatshare/threatshare/internal/ledger/pgserver"
)

func TestEachProcessOfAClusterListensOnPortsOfItsOwnThatTheServerCanNote(t *testing.T) {
	c := &Cluster{postgres: &pgserver.Server{Port: 5432}}
	met := map[int]bool{}
	for range 2 {
		n, err := c.newNode()
		require.NoError(t, err)
		n.First = n.Frontend
		var text strings.Builder
		require.NoError(t, template.Must(template.New("server").Parse(serverConfig)).Execute(&text, n))
		var config struct {
			Persistence struct {
				Datastores map[string]struct {
					SQL struct {
						ConnectAddr string `yaml:"connectAddr"`
					} `yaml:"sql"`
				} `yaml:"datastores"`
			} `yaml:"persistence"`
			Services map[string]struct {
				RPC struct {
					GRPCPort       int  `yaml:"grpcPort"`
					MembershipPort int  `yaml:"membershipPort"`
					Local          bool `yaml:"bindOnLocalHost"`
				} `yaml:"rpc"`
			} `yaml:"services"`
			PublicClient struct {
				HostPort string `yaml:"hostPort"`
			} `yaml:"publicClient"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(text.String()), &config))
		require.Len(t, config.Services, 4)
		for name, service := range config.Services {
			require.True(t, service.RPC.Local, name)
			for _, port := range []int{service.RPC.GRPCPort, service.RPC.MembershipPort} {
				require.Positive(t, port, name)
				require.LessOrEqual(t, port, math.MaxInt16, name)
				require.False(t, met[port], "%s: %d is taken", name, port)
				met[port] = true
			}
		}
		require.Equal(t, loopback(strconv.Itoa(config.Services["frontend"].RPC.GRPCPort)), config.PublicClient.HostPort)
		require.Equal(t, "127.0.0.1:5432", config.Persistence.Datastores["visibility"].SQL.ConnectAddr)
	}
}
