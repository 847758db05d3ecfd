package mimecast

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathCreateBatch = "/api/byo-threat-intelligence/create-batch"
	pathQuota       = "/api/byo-threat-intelligence/get-quota"

	maxHashes      = 1000 // in one create-batch call
	maxHashNote    = 20   // characters of a hash's description
	hashProvider   = "Falcon"
	operationBlock = "BLOCK"
	operationFree  = "DELETE" // removes the hashes, not a batch
)

type hashEntry struct {
	Hash        string `json:"hash"`
	Provider    string `json:"provider,omitempty"` // at most 10 characters
	Description string `json:"description,omitempty"`
}

type hashBatch struct {
	OperationType string      `json:"operationType"`
	HashList      []hashEntry `json:"hashList"`
}

type hashBatchRequest struct {
	Data [1]hashBatch `json:"data"`
}

type hashBatchAnswer struct {
	Data many[struct {
		BatchIDToken text   `json:"batchIdToken"`
		HashCount    *count `json:"hashCount"` // how many were accepted
	}] `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// BlockHashes makes Mimecast block files with these SHA-256 hashes, up to 1,000 with each call. note is what a person sees
// beside them, cut to 20 characters. Adding what is there already is harmless. One outcome for each hash in order; the ID is
// that of its batch. The outcomes are good also next to an error, then an empty one was not settled. The error is a
// *vendorapi.Error; of class Quota if there is no room for a batch. Contract section 4.1.
func (c *Client) BlockHashes(ctx context.Context, hashes []string, note string) ([]indicator.Outcome, error) {
	entry := hashEntry{Provider: hashProvider, Description: shortened(note, maxHashNote)}
	return c.writeHashes(ctx, operationBlock, entry, exists, hashes)
}

// UnblockHashes removes hashes, whoever added them: Mimecast lists no single one, so only the caller knows whose they are.
// Removing what is not there is a success, a Duplicate where Mimecast says so. Otherwise as BlockHashes.
func (c *Client) UnblockHashes(ctx context.Context, hashes []string) ([]indicator.Outcome, error) {
	return c.writeHashes(ctx, operationFree, hashEntry{}, absent, hashes)
}

func (c *Client) writeHashes(
	ctx context.Context, operation string, entry hashEntry, already func(int, vendorapi.Item) bool, hashes []string,
) ([]indicator.Outcome, error) {
	w := writing{kind: indicator.SHA256, most: maxHashes, already: already}
	w.send = func(ctx context.Context, values []string) (map[string]string, []vendorapi.Item, error) {
		batch := hashBatch{OperationType: operation, HashList: make([]hashEntry, 0, len(values))}
		for _, hash := range values {
			entry.Hash = hash
			batch.HashList = append(batch.HashList, entry)
		}
		return c.sendHashes(ctx, batch)
	}
	return w.write(ctx, hashes)
}

// sendHashes makes one call. The answer counts what it accepted and names what it refused. If the two do not add up to what
// was sent, nobody knows which hashes were accepted, and none is taken for done.
func (c *Client) sendHashes(ctx context.Context, batch hashBatch) (map[string]string, []vendorapi.Item, error) {
	var out hashBatchAnswer
	answer, err := c.post(ctx, pathCreateBatch, hashBatchRequest{Data: [1]hashBatch{batch}}, &out)
	if err != nil {
		return nil, nil, err
	}
	items, err := said(pathCreateBatch, answer, out.Fail)
	named := make(map[string]bool, len(items))
	for _, item := range items {
		named[sameName(item.Value)] = true
	}
	var rest []string
	for _, entry := range batch.HashList {
		if !named[entry.Hash] {
			rest = append(rest, entry.Hash)
		}
	}
	accepted, id := 0, ""
	for _, made := range out.Data {
		id = string(made.BatchIDToken)
		switch {
		case made.HashCount != nil:
			accepted += int(*made.HashCount)
		case !named[""]: // not counted: what is not refused by name was accepted
			accepted = len(rest)
		default:
		}
	}
	if len(out.Data) == 0 || accepted < len(rest) {
		return nil, items, err
	}
	if id == "" {
		id = strings.ToLower(batch.OperationType)
	}
	done := make(map[string]string, len(rest))
	for _, hash := range rest {
		done[hash] = id
	}
	return done, items, err
}

// HashQuota asks how many hashes are listed and how many may be. The names of the answer's fields are not public, so it is
// read by what they are called; Known is false if that says nothing clear or the account has no such call. Contract
// section 4.2.
func (c *Client) HashQuota(ctx context.Context) (indicator.Quota, error) {
	var out struct {
		Data json.RawMessage `json:"data"`
	}
	_, err := c.call(ctx, vendorapi.Request{Method: http.MethodPost, Path: pathQuota}, &out)
	if refused, failed := errors.AsType[*vendorapi.Error](err); failed {
		if refused.Class == vendorapi.Rejected || refused.Class == vendorapi.Contract {
			return indicator.Quota{}, nil
		}
		return indicator.Quota{}, err
	}
	return readQuota(out.Data), nil
}

// quotaReader collects numbers by what their names say. A number that is given twice and differently is worth nothing.
type quotaReader struct {
	found map[string]int
	torn  bool
}

// readQuota reads two of the three numbers that make a quota.
func readQuota(data []byte) indicator.Quota {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return indicator.Quota{}
	}
	r := quotaReader{found: map[string]int{}}
	r.walk("", tree)
	used, hasUsed := r.found["used"]
	left, hasLeft := r.found["left"]
	limit, hasLimit := r.found["limit"]
	switch {
	case r.torn:
		return indicator.Quota{}
	case !hasUsed && hasLeft && hasLimit:
		used, hasUsed = limit-left, true
	case hasUsed && hasLeft && !hasLimit:
		limit, hasLimit = used+left, true
	default:
	}
	if !hasUsed || !hasLimit || used < 0 || limit <= 0 {
		return indicator.Quota{}
	}
	return indicator.Quota{Used: used, Limit: limit, Known: true}
}

func (r *quotaReader) walk(name string, node any) {
	switch node := node.(type) {
	case map[string]any:
		for name, child := range node {
			r.walk(name, child)
		}
	case []any:
		for _, child := range node {
			r.walk(name, child)
		}
	case float64:
		r.take(name, node)
	case string:
		if number, err := strconv.ParseFloat(strings.TrimSpace(node), 64); err == nil {
			r.take(name, number)
		}
	default:
	}
}

func (r *quotaReader) take(name string, number float64) {
	meaning := quotaMeaning(strings.ToLower(name))
	if meaning == "" || !(number >= 0 && number <= math.MaxInt32) || number != math.Trunc(number) {
		return
	}
	if before, known := r.found[meaning]; known && before != int(number) {
		r.torn = true
	}
	r.found[meaning] = int(number)
}

// quotaMeaning tells what a number is by its name: "quotaRemaining" is what is left and "totalUsed" what is used, so the
// clearer words come first.
func quotaMeaning(name string) string {
	for _, words := range [][]string{
		{"left", "remain", "available", "free", "left"},
		{"used", "used", "inuse", "in_use", "consumed", "current", "usage"},
		{"limit", "limit", "quota", "max", "total", "allowed", "capacity"},
	} {
		for _, word := range words[1:] {
			if strings.Contains(name, word) {
				return words[0]
			}
		}
	}
	return ""
}
