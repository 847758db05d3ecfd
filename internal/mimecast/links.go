package mimecast

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	pathDecodeURL = "/api/ttp/url/decode-url"

	maxDecode     = 25     // objects in one decode-url call
	maxLink       = 2048   // characters of a link that is worth decoding; the longer ones are refused as indicators anyway
	maxRemembered = 10_000 // links whose decoding is kept, at most 4 KiB each
)

type link struct {
	URL string `json:"url"`
}

type decodeRequest struct {
	Data []link `json:"data"`
}

type decodeAnswer struct {
	Data []struct {
		URL     text  `json:"url"`
		Success *flag `json:"success"`
	} `json:"data"`
	Fail many[failEntry] `json:"fail"`
}

// decodeLinks replaces rewritten links by what they stand for (contract section 3.4). A link that cannot be decoded stays
// as it is; its host is the vendor's own and never shared. What time can heal is an error, so that the page is read again.
func (c *Client) decodeLinks(ctx context.Context, sightings []indicator.Sighting) error {
	decoded := map[string]string{} // for this page: the memory may forget meanwhile
	var unknown []string
	for _, sighting := range sightings {
		address := sighting.Raw
		// A link with what does not print in it is not sent anywhere; as it stands it is refused later on.
		if _, met := decoded[address]; met || len(address) > maxLink || !rewritten(address) || indicator.Printable(address, maxLink) != address {
			continue
		}
		target, known := c.links.get(address)
		if !known {
			target = address
			unknown = append(unknown, address)
		}
		decoded[address] = target
	}
	for chunk := range slices.Chunk(unknown, maxDecode) {
		if err := c.decodeChunk(ctx, chunk, decoded); err != nil {
			return err
		}
	}
	for i, sighting := range sightings {
		if target, met := decoded[sighting.Raw]; met {
			sightings[i].Raw = target
		}
	}
	return nil
}

// decodeChunk asks for up to 25 links. An answer names no link, so it is matched by position if it has one entry for each
// link that it does not refuse by name. Otherwise, and when all are refused because of one, each half is asked for by
// itself.
func (c *Client) decodeChunk(ctx context.Context, chunk []string, decoded map[string]string) error {
	request := decodeRequest{Data: make([]link, 0, len(chunk))}
	for _, address := range chunk {
		request.Data = append(request.Data, link{URL: address})
	}
	var answer decodeAnswer
	_, err := c.post(ctx, pathDecodeURL, request, &answer)
	if failure, failed := errors.AsType[*vendorapi.Error](err); failed {
		switch {
		case failure.Class == vendorapi.Forbidden || failure.Class == vendorapi.Quota:
			return nil
		case failure.Class == vendorapi.Rejected || failure.Class == vendorapi.Contract && failure.Code != "":
			// Said about the links, also where the code is one that nobody has written down.
		default:
			return err
		}
	}
	if rest := without(chunk, answer.Fail); err == nil && len(answer.Data) == len(rest) {
		for i, entry := range answer.Data {
			refused := entry.Success != nil && !bool(*entry.Success)
			if target := strings.TrimSpace(string(entry.URL)); !refused && target != "" && !rewritten(target) {
				decoded[rest[i]] = target
				c.links.put(rest[i], target)
			}
		}
		return nil
	}
	if len(chunk) == 1 {
		return nil
	}
	half := len(chunk) / 2
	if err := c.decodeChunk(ctx, chunk[:half], decoded); err != nil {
		return err
	}
	return c.decodeChunk(ctx, chunk[half:], decoded)
}

// without gives the links that no error names. An error that names none of them leaves the number wrong on purpose.
func without(chunk []string, failed []failEntry) []string {
	rest := slices.Clone(chunk)
	for _, entry := range failed {
		at := slices.Index(rest, entry.link())
		if at < 0 {
			return nil
		}
		rest = slices.Delete(rest, at, at+1)
	}
	return rest
}

// rewritten says whether an address is a link that Mimecast has put in place of another one.
func rewritten(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(parsed.Hostname()), ".")
	return strings.HasPrefix(host, "protect-") && strings.HasSuffix(host, ".mimecast.com") ||
		host == "mimecastprotect.com" || strings.HasSuffix(host, ".mimecastprotect.com")
}

// linkMemory remembers decoded links, so that reading an overlap again costs no call. When it is full the oldest gives
// way. Safe for concurrent use.
type linkMemory struct {
	mu      sync.Mutex
	targets map[string]string
	order   []string // a ring: oldest is the next one to give way
	oldest  int
	size    int
}

func newLinkMemory(size int) *linkMemory {
	return &linkMemory{targets: map[string]string{}, size: size}
}

func (m *linkMemory) get(address string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	target, known := m.targets[address]
	return target, known
}

func (m *linkMemory) put(address, target string) {
	if len(target) > maxLink {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.targets[address]
	switch {
	case known:
	case len(m.order) < m.size:
		m.order = append(m.order, address)
	default:
		delete(m.targets, m.order[m.oldest])
		m.order[m.oldest] = address
		m.oldest = (m.oldest + 1) % m.size
	}
	m.targets[address] = target
}
