package falcon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	maxIDs     = 100  // that official samples put into one address
	maxIDBytes = 7000 // of an address: 100 ids as Falcon makes them
)

// usableID is what an id can be. Nothing else is put where it names what is deleted.
var usableID = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,128}$`)

// Delete deletes the entries with these ids that carry mark, whatever their values are, and leaves all others alone. One
// removal for each id, in order; an id that is given twice is asked for once. An entry that is not there is a success, so
// deleting twice is as good as once. It reads each entry just before, since the mark is what allows the deletion: two calls
// for each 100 ids, a third if Falcon does not confirm, and more only if it refuses one. Only ids are sent: beside a filter
// they would be ignored. Contract 2.5.
//
// The removals are good also next to an error, which is a *vendorapi.Error. It is Unavailable if Falcon took the deletion
// and goes on to list an entry.
func (c *Client) Delete(ctx context.Context, mark indicator.Mark, ids []string) ([]indicator.Removal, error) {
	removals := make(map[string]indicator.Removal, len(ids))
	wanted := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, known := removals[id]; known {
			continue
		}
		removal := indicator.Removal{ID: id}
		if usableID.MatchString(id) {
			wanted = append(wanted, id)
		} else {
			removal.Refused = "not sent: not an id of Falcon's"
		}
		removals[id] = removal
	}
	err := c.deleteAll(ctx, mark, wanted, removals)
	settled := make([]indicator.Removal, 0, len(ids))
	for _, id := range ids {
		settled = append(settled, removals[id])
	}
	if err != nil {
		return settled, fmt.Errorf("delete indicators: %w", err)
	}
	return settled, nil
}

func (c *Client) deleteAll(ctx context.Context, mark indicator.Mark, ids []string, removals map[string]indicator.Removal) error {
	if !mark.Ours() {
		return notSent(http.MethodDelete, pathIndicators, "without a mark nobody could tell whose the entries are")
	}
	open := 0
	for _, batch := range idBatches(ids) {
		left, err := c.deleteBatch(ctx, mark, batch, removals)
		if err != nil {
			return err
		}
		open += left
	}
	return unconfirmed(http.MethodDelete, open, len(ids))
}

// idBatches cuts ids so that each batch fits into an address.
func idBatches(ids []string) [][]string {
	var batches [][]string
	var batch []string
	size := 0
	for _, id := range ids {
		length := len("&ids=") + len(url.QueryEscape(id))
		if len(batch) == maxIDs || size+length > maxIDBytes {
			batches, batch, size = append(batches, batch), nil, 0
		}
		batch, size = append(batch, id), size+length
	}
	if len(batch) > 0 {
		batches = append(batches, batch)
	}
	return batches
}

// deleteBatch settles the removals of ids and gives how many are still open.
func (c *Client) deleteBatch(ctx context.Context, mark indicator.Mark, ids []string, removals map[string]indicator.Removal) (open int, err error) {
	listed := make(map[string]record, len(ids))
	if err := c.readByID(ctx, ids, listed); err != nil {
		return 0, err
	}
	var ours []string
	for _, id := range ids {
		entry, there := listed[id]
		switch {
		case !there, entry.Deleted:
			removals[id] = indicator.Removal{ID: id, Missing: true}
		case entry.listed().Mark != mark:
			removals[id] = indicator.Removal{ID: id, Foreign: true}
		default:
			ours = append(ours, id)
		}
	}
	if len(ours) == 0 {
		return 0, nil
	}
	return c.deleteOurs(ctx, mark, ours, removals)
}

// deleteOurs deletes entries whose mark was just read. A successful answer can name none of them, and a refusal can be
// about one that somebody else has deleted meanwhile; so what is not confirmed is read again.
func (c *Client) deleteOurs(ctx context.Context, mark indicator.Mark, ids []string, removals map[string]indicator.Removal) (open int, err error) {
	w := &writing{outcomes: make([]indicator.Outcome, len(ids)), rowOf: make(map[string]int, len(ids))}
	rows := make([]int, len(ids))
	for row, id := range ids {
		rows[row], w.rowOf[canonicalValue(id)] = row, row
	}
	w.made = func(deleted record) (int, bool) {
		row := slices.Index(ids, deleted.ID)
		return row, row >= 0
	}
	w.send = func(ctx context.Context, rows []int) ([]record, error) {
		query := url.Values{"comment": {mark.Source()}}
		for _, row := range rows {
			query.Add("ids", ids[row])
		}
		answer, err := c.do(ctx, vendorapi.Request{Method: http.MethodDelete, Path: pathIndicators, Query: query}, nil)
		return deletedIn(answer), err
	}
	err = w.write(ctx, rows)
	var unsure []string
	for row, outcome := range w.outcomes {
		if outcome.ID != "" {
			removals[ids[row]] = indicator.Removal{ID: ids[row], Deleted: true}
		} else {
			unsure = append(unsure, ids[row])
		}
	}
	if err != nil || len(unsure) == 0 {
		return len(unsure), err
	}
	listed := make(map[string]record, len(unsure))
	if err := c.readByID(ctx, unsure, listed); err != nil {
		return len(unsure), err
	}
	for _, id := range unsure {
		entry, there := listed[id]
		removal := indicator.Removal{ID: id, Deleted: !there || entry.Deleted}
		if !removal.Deleted {
			removal.Refused = w.outcomes[w.rowOf[canonicalValue(id)]].Refused
		}
		if !removal.Deleted && removal.Refused == "" {
			open++
		}
		removals[id] = removal
	}
	return open, nil
}

// deletedIn gives what a successful deletion names, as records that have an id only.
func deletedIn(answer vendorapi.Answer) []record {
	var named answered[lenient[string]]
	if answer.Status < 200 || answer.Status >= 300 || json.Unmarshal(answer.Body, &named) != nil {
		return nil
	}
	deleted := make([]record, 0, len(named.Resources))
	for _, id := range named.Resources {
		deleted = append(deleted, record{ID: id.value})
	}
	return deleted
}

// readByID adds the records with these ids to listed; those that Falcon does not have are left out. It may refuse the whole
// call for an unknown id: then those that it names are taken out, or the call is halved.
func (c *Client) readByID(ctx context.Context, ids []string, listed map[string]record) error {
	var found listing
	answer, err := c.do(ctx, vendorapi.Request{Method: http.MethodGet, Path: pathIndicators, Query: url.Values{"ids": ids}}, &found)
	if err != nil {
		found.Resources = madeBeside(answer)
	}
	for _, one := range found.Resources {
		listed[one.ID] = one
	}
	failure, ok := errors.AsType[*vendorapi.Error](err)
	switch {
	case err == nil:
		return nil
	case !ok || !notThere(failure) && !tooLarge(err):
		return err
	}
	unknown := unknownIn(answer)
	rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		_, known := listed[id]
		return known || unknown[id]
	})
	switch {
	case len(rest) == 0:
		return nil
	case len(rest) < len(ids):
		return c.readByID(ctx, rest, listed)
	case len(ids) == 1 && notThere(failure):
		return nil
	case len(ids) == 1:
		return err
	}
	half := len(rest) / 2
	if err := c.readByID(ctx, rest[:half], listed); err != nil {
		return err
	}
	return c.readByID(ctx, rest[half:], listed)
}

// unknownIn gives the ids that an answer calls unknown; other errors can stand beside.
func unknownIn(answer vendorapi.Answer) map[string]bool {
	var parsed envelope
	if json.Unmarshal(answer.Body, &parsed) != nil {
		return nil
	}
	unknown := make(map[string]bool, len(parsed.Errors))
	for _, failed := range parsed.Errors {
		if failed.Code == http.StatusNotFound && failed.ID != "" {
			unknown[failed.ID] = true
		}
	}
	return unknown
}

// notThere says whether a refusal is about an unknown id. A page that is not found is a wrong address, and says nothing
// about entries.
func notThere(failure *vendorapi.Error) bool {
	missing := failure.Status == http.StatusNotFound || failure.Code == "404"
	return failure.Class == vendorapi.Rejected && missing && !strings.Contains(strings.ToLower(failure.Message), "page not found")
}
