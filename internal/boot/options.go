package boot

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// temporal is how the server is reached: the options of the client, and the files that they were made from.
type temporal struct {
	options client.Options
	files   envconfig.ClientConfigTLS
}

// readTemporal reads how the server is reached. Its errors name the variable and the file, which those of envconfig do not
// always: a file that is there but is no certificate is the usual mistake.
func readTemporal(lookup envconfig.EnvLookup) (temporal, error) {
	settings, err := parseTemporal(lookup)
	if err != nil {
		return temporal{}, fmt.Errorf("read the temporal settings: %w", err)
	}
	return settings, nil
}

func parseTemporal(lookup envconfig.EnvLookup) (temporal, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: lookup})
	if err != nil {
		file, _ := lookup.LookupEnv("TEMPORAL_CONFIG_FILE")
		return temporal{}, fmt.Errorf("profile file %s: %w", cmp.Or(file, envconfig.DefaultConfigFilePath()), err)
	}
	if err := checkAddress(profile.Address); err != nil {
		return temporal{}, err
	}
	var settings temporal
	if profile.TLS != nil && !profile.TLS.Disabled {
		settings.files = *profile.TLS
		if err := checkFiles(settings.files, time.Now()); err != nil {
			return temporal{}, err
		}
	}
	if settings.options, err = profile.ToClientOptions(envconfig.ToClientOptionsRequest{}); err != nil {
		return temporal{}, err
	}
	settings.options.HostPort = cmp.Or(settings.options.HostPort, client.DefaultHostPort)
	return settings, nil
}

// checkAddress refuses what could never be reached. An address with a scheme is gRPC's to judge.
func checkAddress(address string) error {
	if address == "" || strings.Contains(address, "://") {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("TEMPORAL_ADDRESS: %q is not host:port such as 127.0.0.1:7233", address)
	}
	return nil
}

// checkFiles reads the certificates that are given as files.
func checkFiles(files envconfig.ClientConfigTLS, now time.Time) error {
	if path := files.ServerCACertPath; path != "" {
		pem, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			return fmt.Errorf("TEMPORAL_TLS_SERVER_CA_CERT_PATH: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return fmt.Errorf("TEMPORAL_TLS_SERVER_CA_CERT_PATH: %s holds no certificate in PEM form", path)
		}
	}
	certPath, keyPath := files.ClientCertPath, files.ClientKeyPath
	switch {
	case certPath == "" && keyPath == "":
		return nil
	case certPath == "" || keyPath == "":
		return errors.New("TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH: must be set together")
	}
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_PATH %s with TEMPORAL_TLS_CLIENT_KEY_PATH %s: %w", certPath, keyPath, err)
	}
	if end := pair.Leaf.NotAfter; now.After(end) {
		return fmt.Errorf("TEMPORAL_TLS_CLIENT_CERT_PATH: %s ended on %s", certPath, end.UTC().Format(time.DateOnly))
	}
	return nil
}
