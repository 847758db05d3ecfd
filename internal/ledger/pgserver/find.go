package pgserver

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// find looks on the PATH first; Debian keeps the server's programs off it.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	paths, err := filepath.Glob(filepath.Join("/usr/lib/postgresql/*/bin", program))
	if err != nil || len(paths) == 0 {
		return "", fmt.Errorf("%w: no %s on the PATH or in /usr/lib/postgresql/*/bin. Install the Debian package postgresql",
			ErrUnavailable, program)
	}
	return slices.MaxFunc(paths, func(a, b string) int { return version(a) - version(b) }), nil
}

// version reads the 15 of /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	number, _, _ := strings.Cut(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}
