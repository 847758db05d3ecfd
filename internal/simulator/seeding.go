package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/threatshare/threatshare/internal/simulator/mimecast"
	"github.com/threatshare/threatshare/internal/simulator/seed"
)

// Seeded says what was added to the logs.
type Seeded struct {
	Records  int            `json:"records"`
	Expected map[string]int `json:"expected"` // distinct indicators to share, by kind
}

// Seed appends generated traffic to Mimecast's logs.
func (s *Simulator) Seed(opts seed.Options) (Seeded, error) {
	opts, err := opts.Check(s.opts.Now())
	if err != nil {
		return Seeded{}, fmt.Errorf("seed: %w", err)
	}
	traffic, err := seed.Generate(opts)
	if err != nil {
		return Seeded{}, fmt.Errorf("seed: %w", err)
	}
	added := Seeded{Expected: map[string]int{seed.SHA256: 0, seed.Domain: 0}}
	for _, lane := range []struct {
		log     mimecast.Log
		records []json.RawMessage
	}{
		{mimecast.Attachment, traffic.Attachments},
		{mimecast.URL, traffic.URLs},
		{mimecast.Impersonation, traffic.Impersonations},
	} {
		if err := s.mimecast.AddLogs(lane.log, lane.records, s.opts.Now()); err != nil {
			return Seeded{}, fmt.Errorf("seed: %w", err)
		}
		added.Records += len(lane.records)
	}
	s.mimecast.AddMessages(traffic.Messages)
	for _, e := range traffic.Expected {
		added.Expected[e.Kind]++
	}
	s.expected.add(traffic.Expected)
	s.opts.Log.Info("logs seeded", "records", added.Records,
		"hashes", added.Expected[seed.SHA256], "domains", added.Expected[seed.Domain])
	return added, nil
}

// expectations are what all seedings together should lead to.
type expectations struct {
	mu    sync.Mutex
	items map[[2]string][]string // kind and value to sources
}

func (e *expectations) add(items []seed.Expected) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.items == nil {
		e.items = map[[2]string][]string{}
	}
	for _, item := range items {
		key := [2]string{item.Kind, item.Value}
		for _, source := range item.Sources {
			if !slices.Contains(e.items[key], source) {
				e.items[key] = append(e.items[key], source)
			}
		}
	}
}

// list is sorted by kind and value.
func (e *expectations) list() []seed.Expected {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]seed.Expected, 0, len(e.items))
	for key, sources := range e.items {
		list = append(list, seed.Expected{Kind: key[0], Value: key[1], Sources: slices.Clone(sources)})
	}
	slices.SortFunc(list, func(a, b seed.Expected) int {
		return strings.Compare(a.Kind+"\x00"+a.Value, b.Kind+"\x00"+b.Value)
	})
	return list
}
