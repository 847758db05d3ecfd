package falcon

import (
	"slices"
)

// search gives a page of what the query finds and how many records it finds in all. Look-ups by value cost what they
// find, the default order costs the page; any other order costs all the records.
func (st *store) search(q query) (page []*record, total int) {
	if values, found := q.filter.OneOf("value"); found {
		return st.pick(st.withValues(values), q)
	}
	if q.sort.field == "modified_on" {
		return st.walk(q), st.count(q)
	}
	return st.pick(st.all(), q)
}

func (st *store) all() []*record {
	all := make([]*record, 0, len(st.byID))
	for _, r := range st.order {
		if st.byID[r.ID] == r {
			all = append(all, r)
		}
	}
	return all
}

func (st *store) withValues(values []string) []*record {
	var with []*record
	for _, value := range values {
		for _, id := range st.byValue[value] {
			with = append(with, st.byID[id])
		}
	}
	return with
}

// pick filters and sorts the candidates, which it may overwrite, and cuts the page out.
func (st *store) pick(candidates []*record, q query) (page []*record, total int) {
	type placed struct {
		record *record
		place  place
	}
	var found []placed
	for _, r := range candidates {
		if st.matches(r, q) {
			found = append(found, placed{r, iocPlace(r, q.sort.field)})
		}
	}
	total = len(found)
	slices.SortFunc(found, func(a, b placed) int {
		if q.sort.desc {
			return b.place.compare(a.place)
		}
		return a.place.compare(b.place)
	})
	if q.after != nil {
		gone := slices.IndexFunc(found, func(p placed) bool { return q.sort.after(p.place, *q.after) })
		if gone < 0 {
			gone = len(found)
		}
		found = found[gone:]
	}
	found = found[min(q.offset, len(found)):]
	for _, p := range found[:min(q.limit, len(found))] {
		page = append(page, p.record)
	}
	return page, total
}

// walk goes along the order from where the page starts.
func (st *store) walk(q query) []*record {
	at, step := st.floor(q), 1
	floor := at
	if q.after != nil {
		at = max(at, st.position(*q.after))
	}
	if q.sort.desc {
		at, step = len(st.order)-1, -1
		if q.after != nil {
			at = st.position(*q.after) // the entry itself or the first one after it; both are passed over below
			at = min(at, len(st.order)-1)
		}
	}
	var page []*record
	skip := q.offset
	for ; at >= floor && at < len(st.order) && len(page) < q.limit; at += step {
		r := st.order[at]
		if st.byID[r.ID] != r || !st.matches(r, q) || q.after != nil && !q.sort.after(modified(r), *q.after) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		page = append(page, r)
	}
	return page
}

// floor is the index in the order before which nothing can match.
func (st *store) floor(q query) int {
	since, found := q.filter.NotBefore("modified_on")
	if !found {
		return 0
	}
	return st.position(place{n: since.UnixMilli()})
}

// count says how many records the query finds, and goes on counting for the next page.
func (st *store) count(q query) int {
	same := func(s *standing) bool { return s.query.text == q.text && s.query.parentOnly == q.parentOnly }
	if i := slices.IndexFunc(st.counts, same); i >= 0 {
		return st.counts[i].count
	}
	n := 0
	for _, r := range st.order[st.floor(q):] {
		if st.byID[r.ID] == r && st.matches(r, q) {
			n++
		}
	}
	if len(st.counts) == maxStanding {
		st.counts = slices.Delete(st.counts, 0, 1)
	}
	st.counts = append(st.counts, &standing{query: query{filter: q.filter, text: q.text, parentOnly: q.parentOnly}, count: n})
	return n
}
