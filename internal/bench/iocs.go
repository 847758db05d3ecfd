package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// importing are settings that block hashes and domains of Falcon's IOC list.
func importing(cron string) map[string]any {
	on := map[string]any{"enabled": true}
	return map[string]any{
		"sendToMimecast": map[string]any{"iocHashes": on, "iocDomains": on},
		"schedule":       map[string]any{"importIOCs": cron},
	}
}

const importFlow = settings.FlowImportIOCs

// listed is an IOC as an analyst lists it. Without a time it is listed now.
func listed(kind indicator.Kind, value string, at time.Time) control.IOC {
	ioc := control.IOC{
		Type: string(kind), Value: value, Action: "detect", Severity: "high", Platforms: []string{"windows"}, AppliedGlobally: true,
		Source: "analyst",
	}
	if !at.IsZero() {
		ioc.CreatedOn = at.UTC().Format(time.RFC3339)
		ioc.ModifiedOn = ioc.CreatedOn
	}
	return ioc
}

func hash(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "bench %d", n))
	return hex.EncodeToString(sum[:])
}

func domain(n int) string { return fmt.Sprintf("lure-%06d.top", n) }

// mixed are so many hashes and domains, evenly mixed, listed one a minute until an hour ago.
func mixed(hashes, domains int) []control.IOC {
	all := make([]control.IOC, 0, hashes+domains)
	at := time.Now().Add(-time.Hour - time.Duration(hashes+domains)*time.Minute)
	for h, d := 0, 0; h+d < hashes+domains; at = at.Add(time.Minute) {
		if h*domains <= d*hashes && h < hashes || d == domains {
			all, h = append(all, listed(indicator.SHA256, hash(h), at)), h+1
		} else {
			all, d = append(all, listed(indicator.Domain, domain(d), at)), d+1
		}
	}
	return all
}

// load lists them and says how long that took.
func (b *bench) load(ctx context.Context, iocs []control.IOC) (time.Duration, error) {
	started := time.Now()
	_, err := b.vendors.AddFalconIOCs(ctx, iocs...)
	return time.Since(started).Round(100 * time.Millisecond), err
}

// blocked are the hashes and domains that Mimecast blocks.
func (b *bench) blocked(ctx context.Context) (hashes, domains []string, err error) {
	state, err := b.vendors.MimecastState(ctx)
	if err != nil {
		return nil, nil, err
	}
	return hashesOf(state), membersOf(state), nil
}

func hashesOf(state mimecast.State) []string {
	var hashes []string
	for hash, operation := range state.BYOTI {
		if operation == "BLOCK" {
			hashes = append(hashes, hash)
		}
	}
	return hashes
}

func membersOf(state mimecast.State) []string {
	var domains []string
	for _, group := range state.Groups {
		for _, member := range group.Members {
			domains = append(domains, member.Domain)
		}
	}
	return domains
}

// byHand is the author of what is listed in Falcon's console.
const byHand = "analyst@soc.example"

// ownIOCs are the values that the integration has listed in Falcon, as often as they stand there.
func (b *bench) ownIOCs(ctx context.Context) ([]string, error) {
	all, err := b.vendors.FalconIOCs(ctx)
	var values []string
	for _, ioc := range all {
		if !ioc.Deleted && ioc.CreatedBy != byHand {
			values = append(values, ioc.Value)
		}
	}
	return values, err
}
