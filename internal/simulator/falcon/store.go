package falcon

import (
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/threatshare/threatshare/internal/simulator/falcon/fql"
)

// store holds the records of one customer. Its methods want mu held and settle called; what they return may be read
// without it, as stored records do not change.
type store struct {
	mu      sync.Mutex
	byID    map[string]*record
	byValue map[string][]string // value → ids, oldest first, whatever became of them
	live    int                 // records that are not deleted
	hidden  map[string]struct{} // ids that searches do not find yet
	wakeups wakeups
	order   []*record // by modified_on and id; an entry that byID no longer points to is stale
	stale   int
	counts  []*standing
}

// standing is how many records a filter matches, kept up to date so that a page does not count them all again.
type standing struct {
	query query
	count int
}

// maxStanding is how many filters are counted at the same time.
const maxStanding = 8

func newStore() *store {
	return &store{byID: map[string]*record{}, byValue: map[string][]string{}, hidden: map[string]struct{}{}}
}

// twin is the oldest record with this type and value that is not deleted, nil if there is none.
func (st *store) twin(kind, value string) *record {
	for _, id := range st.byValue[value] {
		if r := st.byID[id]; r.Type == kind && !r.Deleted {
			return r
		}
	}
	return nil
}

// add stores a new record that searches find from visible on.
func (st *store) add(r *record, now, visible time.Time) {
	if _, known := st.byID[r.ID]; !known && visible.After(now) {
		st.hidden[r.ID] = struct{}{}
		heap.Push(&st.wakeups, wakeup{at: visible, id: r.ID})
	}
	st.put(r)
}

// put stores a record in place of the one with its id, if there is one.
func (st *store) put(r *record) {
	old := st.byID[r.ID]
	st.recount(old, -1)
	st.byID[r.ID] = r
	st.recount(r, +1)
	if old == nil || old.Value != r.Value {
		st.byValue[r.Value] = append(st.byValue[r.Value], r.ID)
	}
	if old != nil {
		st.stale++
		if old.Value != r.Value {
			st.byValue[old.Value] = slices.DeleteFunc(st.byValue[old.Value], func(id string) bool { return id == r.ID })
		}
		st.live -= int(one(!old.Deleted))
	}
	st.live += int(one(!r.Deleted))
	if !r.Expired && !r.Expiration.IsZero() {
		heap.Push(&st.wakeups, wakeup{at: r.Expiration, id: r.ID, expiry: true})
	}
	st.insert(r)
}

// insert is cheap for what was modified last, which is nearly every time.
func (st *store) insert(r *record) {
	if st.stale > 1024 && st.stale > len(st.order)/2 {
		st.order = slices.DeleteFunc(st.order, func(entry *record) bool { return st.byID[entry.ID] != entry })
		st.stale = 0
	}
	at := len(st.order)
	if at > 0 && modified(st.order[at-1]).compare(modified(r)) > 0 {
		at = st.position(modified(r))
	}
	st.order = slices.Insert(st.order, at, r)
}

func modified(r *record) place { return iocPlace(r, "modified_on") }

// position is the index of the first entry in the order that is not before p.
func (st *store) position(p place) int {
	at, _ := slices.BinarySearchFunc(st.order, p, func(r *record, p place) int { return modified(r).compare(p) })
	return at
}

// recount keeps the standing counts right when a record comes (+1) or goes (-1).
func (st *store) recount(r *record, by int) {
	if r == nil {
		return
	}
	for _, standing := range st.counts {
		if st.matches(r, standing.query) {
			standing.count += by
		}
	}
}

// matches says whether a search finds the record.
func (st *store) matches(r *record, q query) bool {
	if _, hidden := st.hidden[r.ID]; hidden {
		return false
	}
	return (!q.parentOnly || r.FromParent) && q.filter.Match(r)
}

// settle does what is due: records become visible, records expire. An expired record stays, with the action no_action;
// its modified_on stays, too, so a poll by that time does not see it happen.
func (st *store) settle(now time.Time) {
	for len(st.wakeups) > 0 && !st.wakeups[0].at.After(now) {
		due, _ := heap.Pop(&st.wakeups).(wakeup) // nothing else is in there
		r := st.byID[due.id]
		if !r.Expiration.IsZero() && !r.Expired && !r.Expiration.After(now) {
			expired := *r
			expired.Expired, expired.Action = true, "no_action"
			st.put(&expired)
			r = &expired
		}
		if _, hidden := st.hidden[r.ID]; hidden && !due.expiry {
			delete(st.hidden, r.ID)
			st.recount(r, +1)
		}
	}
}

// query is a search, checked.
type query struct {
	filter     fql.Filter
	text       string // of the filter
	parentOnly bool
	sort       sorting
	limit      int
	offset     int
	after      *place
}

// wakeup is when something is due with a record.
type wakeup struct {
	at     time.Time
	id     string
	expiry bool // not the end of the search lag
}

type wakeups []wakeup

func (ws wakeups) Len() int           { return len(ws) }
func (ws wakeups) Less(i, j int) bool { return ws[i].at.Before(ws[j].at) }
func (ws wakeups) Swap(i, j int)      { ws[i], ws[j] = ws[j], ws[i] }

// Push and Pop are for package heap.
func (ws *wakeups) Push(w any) {
	if due, ok := w.(wakeup); ok {
		*ws = append(*ws, due)
	}
}

// Pop takes the last one off.
func (ws *wakeups) Pop() any {
	last := len(*ws) - 1
	w := (*ws)[last]
	*ws = (*ws)[:last]
	return w
}
