package activities

import (
	"context"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/guard"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// internalDomainsFor is how long a tenant's own domains are believed before they are read again: they change rarely, and
// an idle run should make no call beyond its logs.
const internalDomainsFor = time.Hour

// tenants remembers the own domains of each credential set's tenant.
type tenants struct {
	mu    sync.Mutex
	known map[string]ownDomains
}

type ownDomains struct {
	domains []string
	readAt  time.Time
}

// rules is the guard for one integration. Hashes need no domains, so for them Mimecast is not asked.
func (a *Activities) rules(ctx context.Context, mimecast Mimecast, credentials string, protect settings.Protect, kind indicator.Kind) (guard.Rules, error) {
	tenant := guard.Tenant{Protect: protect.Domains, Allow: protect.Allow}
	if kind == indicator.Domain {
		var err error
		if tenant, err = a.tenant(ctx, mimecast, credentials, protect); err != nil {
			return guard.Rules{}, err
		}
	}
	return guard.New(a.Guard, tenant)
}

// tenant is what must not be hurt, the tenant's own domains included.
func (a *Activities) tenant(ctx context.Context, mimecast Mimecast, credentials string, protect settings.Protect) (guard.Tenant, error) {
	domains, err := a.tenants.domains(ctx, mimecast, credentials, a.Now())
	if err != nil {
		return guard.Tenant{}, err
	}
	if len(domains)+len(protect.Domains) == 0 {
		// Every tenant has a domain. Going on without would leave nothing between a forged sender and a block of one's own mail.
		return guard.Tenant{}, &vendorapi.Error{
			Class: vendorapi.Contract, Vendor: "mimecast", Operation: "read internal domains",
			Message: "Mimecast lists no domain of the tenant", Remedy: "list your domains in protect.domains",
		}
	}
	return guard.Tenant{InternalDomains: domains, Protect: protect.Domains, Allow: protect.Allow}, nil
}

func (t *tenants) domains(ctx context.Context, mimecast Mimecast, credentials string, now time.Time) ([]string, error) {
	t.mu.Lock()
	known, found := t.known[credentials]
	t.mu.Unlock()
	if found && now.Sub(known.readAt) < internalDomainsFor {
		return known.domains, nil
	}
	domains, err := mimecast.InternalDomains(ctx)
	if err != nil || len(domains) == 0 { // an empty list is a fault of the moment and not to be believed for an hour
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]ownDomains{}
	}
	t.known[credentials] = ownDomains{domains: domains, readAt: now}
	return domains, nil
}
