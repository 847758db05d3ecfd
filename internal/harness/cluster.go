package harness

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/threatshare/threatshare/internal/ledger/pgserver"
)

// The databases of a cluster.
const (
	temporalDatabase   = "temporal"
	visibilityDatabase = "temporal_visibility"
	ledgerDatabase     = "threatshare"
)

// clusterTime is how long a process of the cluster may take until it answers.
const clusterTime = 2 * time.Minute

// serverConfig is the configuration of one process of the Temporal server.
//
//go:embed cluster.yaml.tmpl
var serverConfig string

// Cluster is a Temporal server of two processes on a PostgreSQL server, as in production: each of the two runs all services,
// they share the work, and a relay before them stands for the load balancer.
type Cluster struct {
	Server *Server     // what clients see: the relay's address
	Nodes  [2]*Process // the relay prefers the first as long as that lives
	Ledger string      // an empty database on the same PostgreSQL server

	postgres *pgserver.Server
	relay    *relay
	taken    []string // ports of its processes
}

// node is what the configuration of one process says.
type node struct {
	Frontend, History, Matching, Worker                                         string // ports
	FrontendMembership, HistoryMembership, MatchingMembership, WorkerMembership string
	HTTP                                                                        string
	Postgres, User, Password, Database, Visibility                              string
	First                                                                       string // frontend of the first process
}

// StartCluster starts PostgreSQL and, one after the other, two processes of the server. The caller stops it, also after an
// error. The programs are those that `make temporal-server` builds.
func StartCluster(ctx context.Context, logs string) (*Cluster, error) {
	c := &Cluster{}
	program, err := inBin("temporal-server")
	if err != nil {
		return c, err
	}
	if c.postgres, err = pgserver.Start(pgserver.Options{Durable: true, Connections: 200}); err != nil {
		return c, err
	}
	if err := c.makeDatabases(ctx); err != nil {
		return c, err
	}
	var nodes [2]node
	for i := range nodes {
		if nodes[i], err = c.newNode(); err != nil {
			return c, err
		}
	}
	for i := range nodes {
		nodes[i].First = nodes[0].Frontend
		// The second one is started after the first: at once, they race for the first rows of an empty database.
		if c.Nodes[i], err = startNode(ctx, program, fmt.Sprintf("temporal-server-%d", i+1), nodes[i], logs); err != nil {
			return c, err
		}
	}
	if c.relay, err = startRelay(loopback(nodes[0].Frontend), loopback(nodes[1].Frontend)); err != nil {
		return c, err
	}
	c.Server = &Server{Address: c.relay.address, logs: logs}
	return c, c.makeNamespace(ctx)
}

// inBin is a program in .bin of the module.
func inBin(name string) (string, error) {
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	path, err := exec.LookPath(filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), ".bin", name))
	if err != nil {
		return "", fmt.Errorf("no %s in .bin: run `make temporal-server`", name)
	}
	return path, nil
}

// makeDatabases makes those of the server, with its tables, and an empty one for the ledger.
func (c *Cluster) makeDatabases(ctx context.Context) error {
	tool, err := inBin("temporal-sql-tool")
	if err != nil {
		return err
	}
	if c.Ledger, err = c.postgres.Database(ledgerDatabase); err != nil {
		return err
	}
	for database, schema := range map[string]string{temporalDatabase: "temporal", visibilityDatabase: "visibility"} {
		if _, err := c.postgres.Database(database); err != nil {
			return err
		}
		for _, step := range [][]string{{"setup-schema", "-v", "0.0"}, {"update-schema", "--schema-name", "postgresql/v12/" + schema}} {
			args := append([]string{
				"--ep", "127.0.0.1", "-p", strconv.Itoa(c.postgres.Port), "-u", pgserver.User, "--pl", "postgres12", "--db", database,
			}, step...)
			command := exec.CommandContext(ctx, tool, args...)
			command.Env = append(bareEnvironment(), "SQL_PASSWORD="+pgserver.Password)
			if output, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("%s of %s: %w\n%s", step[0], database, err, output)
			}
		}
	}
	return nil
}

func (c *Cluster) newNode() (node, error) {
	n := node{
		Postgres: loopback(strconv.Itoa(c.postgres.Port)), User: pgserver.User, Password: pgserver.Password,
		Database: temporalDatabase, Visibility: visibilityDatabase,
	}
	for _, port := range []*string{
		&n.Frontend, &n.History, &n.Matching, &n.Worker,
		&n.FrontendMembership, &n.HistoryMembership, &n.MatchingMembership, &n.WorkerMembership, &n.HTTP,
	} {
		var err error
		if *port, err = lowPort(c.taken); err != nil {
			return n, err
		}
		c.taken = append(c.taken, *port)
	}
	return n, nil
}

// lowPort is a free loopback port that fits into the two bytes, with a sign, of the server's table of its processes. The ports
// that the system chooses itself do not.
func lowPort(taken []string) (string, error) {
	const lowest, highest, tries = 20_000, math.MaxInt16, 100
	for range tries {
		port := strconv.Itoa(lowest + rand.IntN(highest-lowest))
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue // somebody else's
		}
		if slices.Contains(taken, port) { // nobody listens there yet
			_ = listener.Close()
			continue
		}
		return port, listener.Close()
	}
	return "", fmt.Errorf("find a free port: %d between %d and %d are taken", tries, lowest, highest)
}

// startNode starts a process of the server and waits until it answers.
func startNode(ctx context.Context, program, name string, n node, logs string) (*Process, error) {
	var config strings.Builder
	if err := template.Must(template.New("server").Parse(serverConfig)).Execute(&config, n); err != nil {
		return nil, fmt.Errorf("configure %s: %w", name, err)
	}
	path := filepath.Join(logs, name+".yaml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		return nil, fmt.Errorf("configure %s: %w", name, err)
	}
	process, err := Start(Command{Name: name, Path: program, Args: []string{"--config-file", path, "--allow-no-auth", "start"}}, logs)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	return process, Until(ctx, "wait for "+name, func() error {
		if ended(process) {
			cancel() // waiting longer mends nothing
			return fmt.Errorf("it has ended: %s", process.Tail(1))
		}
		namespaces, err := client.NewNamespaceClient(client.Options{HostPort: loopback(n.Frontend), Logger: quiet{}})
		if err != nil {
			return err
		}
		defer namespaces.Close()
		trying, stop := context.WithTimeout(ctx, 2*time.Second)
		defer stop()
		_, err = namespaces.Describe(trying, "temporal-system")
		return err
	})
}

// makeNamespace registers the namespace that the worker uses and waits until the server knows it everywhere.
func (c *Cluster) makeNamespace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTime)
	defer cancel()
	namespaces, err := client.NewNamespaceClient(client.Options{HostPort: c.Server.Address, Logger: quiet{}})
	if err != nil {
		return err
	}
	defer namespaces.Close()
	err = namespaces.Register(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: client.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(72 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("register the namespace: %w", err)
	}
	return Until(ctx, "wait for the namespace", func() error {
		dialled, err := c.Server.Dial(ctx)
		if err != nil {
			return err
		}
		defer dialled.Close()
		_, err = dialled.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1})
		return err
	})
}

// Stop stops what was started, last first.
func (c *Cluster) Stop() error {
	var problems []error
	if c.relay != nil {
		c.relay.stop()
	}
	for i := len(c.Nodes) - 1; i >= 0; i-- {
		if process := c.Nodes[i]; process != nil && !ended(process) {
			process.Kill() // its database goes with it
		}
	}
	if c.postgres != nil {
		problems = append(problems, c.postgres.Stop())
	}
	return errors.Join(problems...)
}

func loopback(port string) string { return net.JoinHostPort("127.0.0.1", port) }
