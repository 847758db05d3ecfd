package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/config"
	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/mimecast"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// vendors makes the clients of each credential set and keeps them, so that all who use a set share its token and waits.
type vendors struct {
	cfg     config.Config
	observe func(vendorapi.Call)

	mu   sync.Mutex
	sets map[string]clients
}

type clients struct {
	made     config.Credentials
	mimecast *mimecast.Client
	falcon   *falcon.Client
}

var _ activities.Vendors = (*vendors)(nil)

func newVendors(cfg config.Config, observe func(vendorapi.Call)) *vendors {
	return &vendors{cfg: cfg, observe: observe, sets: map[string]clients{}}
}

// Mimecast gives the Mimecast client of a set.
func (v *vendors) Mimecast(set string) (activities.Mimecast, error) {
	found, err := v.clients(set)
	return found.mimecast, err
}

// Falcon gives the Falcon client of a set.
func (v *vendors) Falcon(set string) (activities.Falcon, error) {
	found, err := v.clients(set)
	return found.falcon, err
}

// clients makes the clients again when the credentials have changed: a secret may be rotated in its file.
func (v *vendors) clients(set string) (clients, error) {
	credentials, err := v.cfg.Credentials(set)
	if err != nil {
		return clients{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, found := v.sets[set]; found && same(known.made, credentials) {
		return known, nil
	}
	made, prefix := clients{made: credentials}, config.EnvPrefix(set)
	made.mimecast, err = mimecast.New(mimecast.Config{
		BaseURL: credentials.Mimecast.BaseURL, ClientID: credentials.Mimecast.ClientID, ClientSecret: credentials.Mimecast.ClientSecret,
		EnvPrefix: prefix, Observe: v.observe, PrivateHosts: v.cfg.PrivateHosts,
	})
	if err != nil {
		return clients{}, fmt.Errorf("mimecast client: %w", err)
	}
	made.falcon, err = falcon.New(falcon.Config{
		BaseURL: credentials.Falcon.BaseURL, ClientID: credentials.Falcon.ClientID, ClientSecret: credentials.Falcon.ClientSecret,
		MemberCID: credentials.Falcon.MemberCID, EnvPrefix: prefix, Observe: v.observe, PrivateHosts: v.cfg.PrivateHosts,
	})
	if err != nil {
		return clients{}, fmt.Errorf("falcon client: %w", err)
	}
	v.sets[set] = made
	return made, nil
}

func same(a, b config.Credentials) bool {
	return a.Mimecast.BaseURL == b.Mimecast.BaseURL && a.Mimecast.ClientID == b.Mimecast.ClientID &&
		a.Mimecast.ClientSecret.Reveal() == b.Mimecast.ClientSecret.Reveal() &&
		a.Falcon.BaseURL == b.Falcon.BaseURL && a.Falcon.ClientID == b.Falcon.ClientID &&
		a.Falcon.MemberCID == b.Falcon.MemberCID && a.Falcon.ClientSecret.Reveal() == b.Falcon.ClientSecret.Reveal()
}

// guardLists are the built-in lists and those that the operator has put into folder.
func guardLists(folder string) (guard.Lists, error) {
	lists, err := guard.Embedded()
	if err != nil || folder == "" {
		return lists, err
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no *.json file in %s", folder)
	}
	if err != nil {
		return lists, fmt.Errorf("THREATSHARE_WARNINGLISTS: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the operator's own folder
		if err == nil {
			lists, err = lists.WithWarninglist(filepath.Base(file), text)
		}
		if err != nil {
			return lists, fmt.Errorf("THREATSHARE_WARNINGLISTS: %s: %w", file, err)
		}
	}
	return lists, nil
}
