package mimecast

import (
	"context"
	"errors"
	"net/http"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

// maxReasons is how many domains are asked about in the classic style: of more, the list of members may tell with fewer
// calls, since it has a hundred on each page.
const maxReasons = 100

// conflicts says whether a call as a whole was refused because something is there already.
func conflicts(err error) bool {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	return ok && refused.Status == http.StatusConflict
}

// ofValues says whether what came of a call tells of its values, or of one of them.
func ofValues(err error) bool {
	refused, ok := errors.AsType[*vendorapi.Error](err)
	return err == nil || ok && !notOffered(err) && aboutValues(refused)
}

// askReasons makes a write that REST has refused without a word once more in the classic style, which names its reasons, and
// notes what it says. An error is one that the next try need not meet: after a failure it looks at the list of members instead. A
// tenant that does not offer that style, or not to this application, says nothing.
func (c *Client) askReasons(
	ctx context.Context, m memberWrite, already func(int, vendorapi.Item) bool, domains []string, told map[string]indicator.Outcome,
) error {
	w := writing{kind: indicator.Domain, most: maxMembers, already: already}
	w.send = func(ctx context.Context, values []string) (map[string]string, []vendorapi.Item, error) {
		done, items, err := c.sendClassic(ctx, m, values)
		if len(done) > 0 || err != nil && !notOffered(err) { // the group may have changed
			c.interrupted.forget(m.groupID)
		}
		return done, items, err
	}
	outcomes, err := w.write(ctx, domains)
	for i, domain := range domains {
		if outcome := outcomes[i]; outcome != (indicator.Outcome{Key: outcome.Key}) && outcome.Refused != noReason {
			told[domain] = outcome
		}
	}
	refused, ok := errors.AsType[*vendorapi.Error](err)
	switch {
	case ok && refused.Class == vendorapi.Throttled:
		return err
	case ok && !passing(err):
		return nil
	}
	c.noReasons.Store(err != nil)
	return err
}

// lookUpMembers notes of the domains that nothing is told of yet whether the list of members holds them as was wanted.
func (c *Client) lookUpMembers(ctx context.Context, m memberWrite, domains []string, told map[string]indicator.Outcome) error {
	members, err := c.GroupDomains(ctx, m.groupID)
	if err != nil {
		return err
	}
	isMember := make(map[string]bool, len(members))
	for _, domain := range members {
		isMember[domain] = true
	}
	for _, domain := range domains {
		if _, known := told[domain]; !known && isMember[domain] == (m.suffix == suffixMembers) {
			told[domain] = indicator.Outcome{Duplicate: true}
		}
	}
	return nil
}
