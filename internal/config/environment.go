package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
)

const (
	fileSuffix = "_FILE"
	// maxSecretFile is far above any secret: a larger file is the wrong one.
	maxSecretFile = 64 << 10
)

// environment is variables by name.
type environment map[string]string

// withFiles gives a copy in which each of the named secrets whose …_FILE variable is set has the content of that file,
// without the newline at its end. A problem names the variable and the file.
func (e environment) withFiles(secrets ...string) (environment, []error) {
	filled := maps.Clone(e)
	if filled == nil {
		filled = environment{}
	}
	var problems []error
	for _, name := range secrets {
		path := e[name+fileSuffix]
		if path == "" {
			continue
		}
		if e[name] != "" {
			problems = append(problems, fmt.Errorf("%s and %s%s: both are set; set one of them", name, name, fileSuffix))
			continue
		}
		value, err := readSecret(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s%s: %w", name, fileSuffix, err))
			continue
		}
		filled[name] = value
	}
	return filled, problems
}

// readSecret reads a file. Its errors name the file.
func readSecret(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // nothing is written
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSecretFile {
		return "", fmt.Errorf("read %s: larger than 64 KiB", path)
	}
	value := strings.TrimRight(string(content), "\r\n")
	if value == "" {
		return "", fmt.Errorf("read %s: %w", path, errEmptyFile)
	}
	return value, nil
}

var errEmptyFile = errors.New("the file is empty")
