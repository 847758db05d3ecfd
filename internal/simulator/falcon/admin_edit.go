package falcon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) adminEdit(r *http.Request) (any, error) {
	var in struct {
		ID     string          `json:"id"`
		Values []string        `json:"values"`
		Set    json.RawMessage `json:"set"`
	}
	if err := decodeAdmin(r.Body, &in); err != nil {
		return nil, err
	}
	now := s.opt.Now()
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(now)
	found, err := s.listedAs(in.Values)
	if err != nil {
		return nil, err
	}
	if old := s.iocs.byID[in.ID]; old != nil {
		found = append(found, old)
	} else if len(in.Values) == 0 {
		return nil, fmt.Errorf("no record with id %q", in.ID)
	}
	edited := make([]*record, len(found))
	for i, old := range found {
		if edited[i], err = old.edited(in.Set, now); err != nil {
			return nil, err
		}
	}
	return s.adminPut(edited, now), nil
}

// edited is the record as a person leaves it.
func (r *record) edited(set json.RawMessage, now time.Time) (*record, error) {
	// What is decoded into must share nothing with the stored record, whose slices JSON would write into.
	copied, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("copy record: %w", err)
	}
	changed := &record{}
	if err := json.Unmarshal(copied, changed); err != nil {
		return nil, fmt.Errorf("copy record: %w", err)
	}
	changed.ModifiedOn, changed.ModifiedBy = now.UTC(), somebody
	if err := decodeAdmin(bytes.NewReader(set), changed); err != nil {
		return nil, err
	}
	changed.ID = r.ID
	return changed, nil
}

// listedAs gives the records that are not deleted with one of the values, each of which there has to be.
func (s *Server) listedAs(values []string) ([]*record, error) {
	var found []*record
	for _, value := range values {
		before := len(found)
		for _, id := range s.iocs.byValue[value] {
			if r := s.iocs.byID[id]; !r.Deleted {
				found = append(found, r)
			}
		}
		if len(found) == before {
			return nil, fmt.Errorf("no record with the value %q", value)
		}
	}
	return found, nil
}

func (s *Server) adminPut(records []*record, now time.Time) adminIDs {
	ids := make([]string, len(records))
	for i, r := range records {
		s.iocs.put(r)
		ids[i] = r.ID
	}
	s.iocs.settle(now)
	return adminIDs{IDs: ids}
}

func (s *Server) adminExpire(r *http.Request) (any, error) {
	var values []string
	if err := decodeAdmin(r.Body, &values); err != nil {
		return nil, err
	}
	now := s.opt.Now()
	s.iocs.mu.Lock()
	defer s.iocs.mu.Unlock()
	s.iocs.settle(now)
	found, err := s.listedAs(values)
	if err != nil {
		return nil, err
	}
	over := make([]*record, len(found))
	for i, old := range found {
		expiring := *old
		expiring.Expiration = now.Add(-time.Second).UTC()
		over[i] = &expiring
	}
	return s.adminPut(over, now), nil // which settles what is due
}
