package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/samber/lo"

	"github.com/threatshare/threatshare/internal/access"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/notify"
	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// How far the clocks may be apart. Checkpoints and waits compare times of both.
const (
	skewWarns = time.Minute
	skewFails = 10 * time.Minute
)

// clock compares the vendor's clock with the worker's.
func (c *checked) clock(ahead time.Duration, known bool) {
	const check = "clock"
	apart := ahead.Abs().Round(time.Second)
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	detail := fmt.Sprintf("%s's clock is %s %s the worker's: let the worker's machine set its clock by NTP", vendorapi.Name(c.vendor), apart, side)
	switch {
	case !known:
		c.found(check, access.Unknown, notClear+"no answer had a date")
	case apart > skewFails:
		c.found(check, access.Failed, detail)
	case apart > skewWarns:
		c.found(check, access.Warning, detail)
	default:
		c.found(check, access.OK, "")
	}
}

// packages warns of packages that the account does not list and that functions need.
func (c *checked) packages(ctx context.Context, mimecast Mimecast, needs []access.Need) {
	const check = "packages"
	if len(needs) == 0 {
		return
	}
	if c.failed != nil {
		c.found(check, access.Unknown, notAsked)
		return
	}
	functions := make([]access.Function, 0, len(needs))
	for _, need := range needs {
		functions = append(functions, need.Function)
	}
	missing, err := mimecast.MissingPackages(ctx, functions)
	switch {
	case err != nil:
		c.found(check, access.Unknown, notClear+err.Error())
		return
	case len(missing) == 0:
		c.found(check, access.OK, "")
		return
	}
	parts := map[string][]settings.Part{}
	var names []string
	for _, need := range needs {
		name, lacks := missing[need.Function]
		if !lacks {
			continue
		}
		if parts[name] == nil {
			names = append(names, name)
		}
		parts[name] = append(parts[name], need.Parts...)
	}
	for _, name := range names {
		c.found("package "+name, access.Warning, "the account does not list it: ask Mimecast for it, or switch off what needs it", lo.Uniq(parts[name])...)
	}
}

// room is how the quota of a list is spoken of.
type room struct {
	things  string
	make    string // how room is made
	unknown string // what counts if the vendor does not say
}

func roomForHashes() room {
	return room{
		things:  "hashes",
		make:    "remove hashes that nobody needs in the Administration console, or ask Mimecast for a larger quota",
		unknown: "Mimecast does not say how many hashes there may be: sendToMimecast.byotiQuota counts",
	}
}

func roomForIOCs() room {
	return room{
		things:  "IOCs",
		make:    "delete IOCs that nobody needs in the Falcon console",
		unknown: "Falcon does not say how many IOCs there are",
	}
}

// Shares of a quota, in percent, from which on it is worth a look.
const (
	quotaWarns  = 80
	quotaUrgent = 95
)

// quota says how much room is left on a list.
func (c *checked) quota(ctx context.Context, check string, ask func(context.Context) (indicator.Quota, error), of room) {
	if c.failed != nil {
		c.found(check, access.Unknown, notAsked)
		return
	}
	quota, err := ask(ctx)
	filled := fmt.Sprintf("%d of %d %s", quota.Used, quota.Limit, of.things)
	percent := func(share int) bool { return quota.Used*100 >= quota.Limit*share }
	switch {
	case err != nil:
		c.found(check, access.Unknown, notClear+err.Error())
	case !quota.Known:
		c.found(check, access.Unknown, of.unknown)
	case percent(100):
		c.found(check, access.Failed, "full, "+filled+": "+of.make)
	case percent(quotaUrgent):
		c.found(check, access.Warning, "nearly full, "+filled+": "+of.make)
	case percent(quotaWarns):
		c.found(check, access.Warning, fmt.Sprintf("more than %d %% full, %s: %s", quotaWarns, filled, of.make))
	default:
		c.found(check, access.OK, filled)
	}
}

// checkMail says whether anybody can be told of a permanent error. Sharing does not depend on it.
func (a *Activities) checkMail(ctx context.Context, to []string) access.Finding {
	found := func(outcome access.Outcome, detail string) access.Finding {
		return access.Finding{Where: "mail", Check: "notify", Outcome: outcome, Detail: detail}
	}
	switch {
	case len(to) == 0:
		return found(access.Warning, "nobody is told of a permanent error: add mail addresses under notify in the settings")
	case a.Mail == nil:
		return found(access.Failed, notify.ErrNoServer.Error())
	}
	err := a.Mail.Check(ctx)
	switch {
	case err == nil:
		return found(access.OK, "")
	case errors.Is(err, notify.ErrNoServer):
		return found(access.Failed, err.Error())
	default:
		return found(access.Failed, vendorapi.Clean(err.Error())+"; check THREATSHARE_SMTP_URL, and whether the worker reaches the mail server")
	}
}
