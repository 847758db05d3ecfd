package mimecast

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
)

// Page sizes: at most 100, a larger wish is lowered without a word; 10 when none is given (contract section 2.1).
const (
	maxPage     = 100
	defaultPage = 10
)

// paging is which page a request asks for.
type paging struct {
	operation string
	filters   uint64 // of what was asked for besides the page; a page token is good for the same filters only
	size      int
	sized     bool // a size or a token was given; some lists come whole without
	token     string
}

func newPaging(operation string, size *int, token *string, filters uint64) (paging, *problem) {
	p := paging{operation: operation, filters: filters, size: defaultPage}
	if size != nil {
		if *size < 1 {
			return p, invalid("pageSize", "err_validation_min", "The page size must be at least 1")
		}
		p.size, p.sized = min(*size, maxPage), true
	}
	if token != nil {
		if *token == "" {
			return p, invalid("pageToken", "err_validation_blank", "This field, if present, cannot be blank or empty")
		}
		p.token, p.sized = *token, true
	}
	return p, nil
}

// filtersOf is the same for the same objects in whatever order their fields stand.
func filtersOf(data []json.RawMessage) uint64 {
	sum := fnv.New64a()
	for _, object := range data {
		var value any
		if json.Unmarshal(object, &value) != nil {
			continue
		}
		_, _ = fmt.Fprintf(sum, "%v\n", value) // maps are printed sorted by key, and a hash never fails to write
	}
	return sum.Sum64()
}

// pagination is what an answer says about its page. PageSize is the page's own size.
type pagination struct {
	PageSize   int    `json:"pageSize"`
	TotalCount *int   `json:"totalCount,omitempty"`
	Next       string `json:"next,omitempty"`
}

// cursor is what a page token stands for: the place after the last record of a page.
type cursor struct {
	Operation string `json:"o"`
	Filters   uint64 `json:"f"`
	Number    uint64 `json:"n"` // makes the token of the same page another one each time
	Offset    int    `json:"i,omitempty"`
	Total     int    `json:"t,omitempty"`

	// Of the logs: the last record's date in epoch seconds and number, the window, and whether nothing is left.
	At   int64 `json:"a,omitempty"`
	Seq  int   `json:"s,omitempty"`
	From int64 `json:"b,omitempty"`
	To   int64 `json:"e,omitempty"`
	End  bool  `json:"x,omitempty"`
}

// seal makes a page token. It is signed: a token is the vendor's own, or none.
func (s *Server) seal(p paging, c cursor) string {
	s.counter++
	c.Operation, c.Filters, c.Number = p.operation, p.filters, s.counter
	body, err := json.Marshal(c)
	if err != nil {
		return "" // a struct of numbers and strings always encodes
	}
	return base64.RawURLEncoding.EncodeToString(append(s.signature(body), body...))
}

func (s *Server) signature(body []byte) []byte {
	sum := sha256.New()
	_ = binary.Write(sum, binary.BigEndian, s.opts.Seed) // a hash never fails to write
	sum.Write(body)
	return sum.Sum(nil)[:8]
}

// open reads the page token of a request; without one it returns the zero cursor.
func (s *Server) open(p paging) (cursor, *problem) {
	if p.token == "" {
		return cursor{}, nil
	}
	stale := invalid("pageToken", "err_validation_page_token", "The page token is not valid for this request")
	raw, err := base64.RawURLEncoding.DecodeString(p.token)
	if err != nil || len(raw) < 8 || string(s.signature(raw[8:])) != string(raw[:8]) {
		return cursor{}, stale
	}
	var c cursor
	if json.Unmarshal(raw[8:], &c) != nil || c.Operation != p.operation || c.Filters != p.filters {
		return cursor{}, stale
	}
	return c, nil
}

// pageOf returns the page of a whole list that a request asks for.
func pageOf[T any](s *Server, p paging, items []T) ([]T, *pagination, *problem) {
	c, trouble := s.open(p)
	if trouble != nil {
		return nil, nil, trouble
	}
	start := min(c.Offset, len(items))
	end := min(start+p.size, len(items))
	total := len(items)
	page := &pagination{PageSize: end - start, TotalCount: &total}
	if end < len(items) {
		page.Next = s.seal(p, cursor{Offset: end})
	}
	return items[start:end], page, nil
}

// wholeOrPage returns everything unless a page is asked for.
func wholeOrPage[T any](s *Server, p paging, items []T) ([]T, *pagination, *problem) {
	if !p.sized {
		return items, nil, nil
	}
	return pageOf(s, p, items)
}

// newKey makes the stable part of an opaque id: the same for the same seed and order of calls.
func (s *Server) newKey(kind string) string {
	s.counter++
	return digest(kind, s.opts.Seed, s.counter)
}

func digest(kind string, seed, number uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", kind, seed, number))
	return base64.RawURLEncoding.EncodeToString(sum[:24]) // 32 characters, letters in both cases
}

// publicID is the id by which a record is known outside: long, case-sensitive, opaque. With the quirk on, it is another
// one at every read.
func (s *Server) publicID(key string) string {
	var number uint64
	if s.quirks.ChangingIDs {
		s.counter++
		number = s.counter
	}
	var id strings.Builder
	id.WriteString("eNo" + key)
	for i := range uint64(4) {
		id.WriteString(digest(key, i, number))
	}
	return id.String()
}

// keyOf is the stable part of an id that came with a request, "" when it cannot be one.
func (s *Server) keyOf(id string) string {
	const prefix, length = "eNo", 32
	if len(id) != len(prefix)+5*length || !strings.HasPrefix(id, prefix) {
		return ""
	}
	key := id[len(prefix) : len(prefix)+length]
	if !s.quirks.ChangingIDs && s.publicID(key) != id {
		return ""
	}
	return key
}
