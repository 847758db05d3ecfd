package falcon

import (
	"slices"
	"sync"
)

// What cursors keep is bounded. A token that was forgotten still works; only its order is not checked.
const (
	rememberedTokens = 8192
	rememberedUses   = 16 // of one token: the same record can be the last one of many searches
)

// cursors remember the tokens that were given out, because a token does not carry what it belongs to: the order, and how
// many records were read up to it.
type cursors struct {
	mu    sync.Mutex
	given map[string][]cursor
	order []string // tokens, oldest first
}

type cursor struct {
	sort, filter string
	read         int
}

func newCursors() *cursors { return &cursors{given: map[string][]cursor{}} }

func (cs *cursors) remember(token string, c cursor) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if i := slices.IndexFunc(cs.given[token], func(o cursor) bool { return o.sort == c.sort && o.filter == c.filter }); i >= 0 {
		cs.given[token][i] = c
		return
	}
	if len(cs.given[token]) == 0 {
		if len(cs.order) == rememberedTokens {
			delete(cs.given, cs.order[0])
			cs.order = cs.order[1:]
		}
		cs.order = append(cs.order, token)
	}
	if len(cs.given[token]) == rememberedUses {
		cs.given[token] = cs.given[token][1:]
	}
	cs.given[token] = append(cs.given[token], c)
}

// recall gives how many records were read up to the token, and says whether the token belongs to another order.
func (cs *cursors) recall(token, sort, filter string) (read int, foreign bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	foreign = len(cs.given[token]) > 0
	for _, c := range cs.given[token] {
		if c.sort != sort {
			continue
		}
		foreign = false
		if c.filter == filter {
			read = c.read
		}
	}
	return read, foreign
}
