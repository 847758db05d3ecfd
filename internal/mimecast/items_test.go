package mimecast_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/mimecast"
)

// Every write gives each of its items an outcome of its own, in whatever form the vendor refuses one.

// itemWrite is a write of several items and how the vendor answers it.
type itemWrite struct {
	path   string
	values []string
	call   func(context.Context, *mimecast.Client, []string) ([]indicator.Outcome, error)
	sent   func(body string) []string
	done   func(values []string) string // the data of an answer that did these
	key    func(value string) string    // how a fail entry names one
}

// each joins an entry for each value.
func each(one func(string) string) func([]string) string {
	return func(values []string) string {
		entries := make([]string, 0, len(values))
		for _, value := range values {
			entries = append(entries, one(value))
		}
		return strings.Join(entries, ",")
	}
}

// memberOf is the data of a classic answer that made these domains members, or did so no longer.
func memberOf(domains []string) string {
	return each(func(domain string) string {
		return `{"id":"m-` + domain + `","folderId":"g1","domain":"` + domain + `"}`
	})(domains)
}

// memberKey is how a classic answer names a domain that it refused.
func memberKey(domain string) string { return `{"id":"g1","domain":"` + domain + `"}` }

func itemWrites() map[string]itemWrite {
	hashDone := func(values []string) string {
		if len(values) == 0 {
			return ""
		}
		return fmt.Sprintf(`{"batchIdToken":"b","hashCount":%d}`, len(values))
	}
	hashKey := func(hash string) string { return `{"hash":"` + strings.ToUpper(hash) + `"}` }
	return map[string]itemWrite{
		"block hashes": {
			batchPath, hashes(9),
			func(ctx context.Context, c *mimecast.Client, values []string) ([]indicator.Outcome, error) {
				return c.BlockHashes(ctx, values, "note")
			}, sentHashes, hashDone, hashKey,
		},
		"unblock hashes": {
			batchPath, hashes(9),
			func(ctx context.Context, c *mimecast.Client, values []string) ([]indicator.Outcome, error) {
				return c.UnblockHashes(ctx, values)
			}, sentHashes, hashDone, hashKey,
		},
		"add members, classic": {
			addClassic, domains(9),
			func(ctx context.Context, c *mimecast.Client, values []string) ([]indicator.Outcome, error) {
				return c.AddGroupDomains(ctx, "g1", values, "note")
			}, sentDomains, memberOf, memberKey,
		},
		"remove members, classic": {
			removeClassic, domains(9),
			func(ctx context.Context, c *mimecast.Client, values []string) ([]indicator.Outcome, error) {
				return c.RemoveGroupDomains(ctx, "g1", values)
			}, sentDomains, memberOf, memberKey,
		},
		"block URLs": {
			createURLPath, domains(9),
			func(ctx context.Context, c *mimecast.Client, values []string) ([]indicator.Outcome, error) {
				return c.BlockURLDomains(ctx, values, mark)
			},
			sentURLs,
			each(func(domain string) string {
				return `{"id":"u-` + domain + `","domain":"` + domain + `","matchType":"domain","action":"block"}`
			}),
			func(domain string) string {
				return `{"url":"https://` + domain + `","action":"block","overrideUrl":false}`
			},
		},
	}
}

// failing is a fail entry with one error; no key if that is empty.
func failing(key, errors string) string {
	if key != "" {
		key = `"key":` + key + `,`
	}
	return `{` + key + `"errors":[` + errors + `]}`
}

func TestFault_V12_EveryItemOfAWriteHasItsOwnOutcomeHoweverOneIsRefused(t *testing.T) {
	const (
		unknown   = `{"code":"err_not_seen_before","message":"nobody knows","retryable":false}`
		retryable = `{"code":"err_not_seen_before","message":"nobody knows","retryable":true}`
		wordless  = `{"message":"nobody knows"}`
	)
	envelope := func(data, fail string) answer {
		return answer{body: `{"meta":{"status":200},"data":[` + data + `],"fail":[` + fail + `]}`}
	}
	for form, c := range map[string]struct {
		told  func(w itemWrite, bad string, good []string) answer // to a call with the bad one in it
		words string
		calls int // at most
	}{
		"an unknown code beside the others": {func(w itemWrite, bad string, good []string) answer {
			return envelope(w.done(good), failing(w.key(bad), unknown))
		}, "err_not_seen_before: nobody knows", 1},
		"one that is called retryable": {func(w itemWrite, bad string, good []string) answer {
			return envelope(w.done(good), failing(w.key(bad), retryable))
		}, "err_not_seen_before: nobody knows", 1},
		"an unknown code without a name beside the others": {func(w itemWrite, _ string, good []string) answer {
			return envelope(w.done(good), failing("", unknown))
		}, "err_not_seen_before: nobody knows", 1 + 8},
		"a message without a code": {func(w itemWrite, bad string, good []string) answer {
			return envelope(w.done(good), failing(w.key(bad), wordless))
		}, "nobody knows", 1},
		"the whole call, for the named one": {func(w itemWrite, bad string, _ []string) answer {
			return envelope("", failing(w.key(bad), unknown))
		}, "err_not_seen_before: nobody knows", 2},
		"the whole call, and called retryable": {func(w itemWrite, bad string, _ []string) answer {
			return envelope("", failing(w.key(bad), retryable))
		}, "err_not_seen_before: nobody knows", 2},
		"the whole call, for nobody knows which": {func(itemWrite, string, []string) answer {
			return envelope("", failing("", unknown))
		}, "err_not_seen_before: nobody knows", 1 + 8},
		"the whole call with a 400": {func(w itemWrite, bad string, _ []string) answer {
			return answer{status: 400, body: `{"meta":{"status":400},"data":[],"fail":[` + failing(w.key(bad), unknown) + `]}`}
		}, "err_not_seen_before: nobody knows", 2},
		"the whole call with a 400 in the gateway's words": {func(itemWrite, string, []string) answer {
			return answer{status: 400, body: `{"fail":[{"code":"err_not_seen_before","message":"nobody knows"}]}`}
		}, "err_not_seen_before: nobody knows", 1 + 8},
		"the whole call with a meta.status of 400": {func(w itemWrite, bad string, _ []string) answer {
			return answer{body: `{"meta":{"status":400},"data":[],"fail":[` + failing(w.key(bad), unknown) + `]}`}
		}, "err_not_seen_before: nobody knows", 2},
		"fewer results than were sent": {func(w itemWrite, _ string, good []string) answer {
			return envelope(w.done(good), "")
		}, "refused without a reason", 1 + 8},
		"no result at all": {func(itemWrite, string, []string) answer { return envelope("", "") }, "refused without a reason", 1 + 8},
	} {
		for name, w := range itemWrites() {
			for _, at := range []int{0, 4, 8} {
				bad := w.values[at]
				f := newFake(t)
				f.does(w.path, func(call received) answer {
					sent := w.sent(call.body)
					if !slices.Contains(sent, bad) {
						return envelope(w.done(sent), "")
					}
					good := slices.DeleteFunc(slices.Clone(sent), func(value string) bool { return value == bad })
					return c.told(w, bad, good)
				})
				f.says(getMembersPath, answer{body: `{"data":[{"groupMembers":[` + membership(w.path == removeClassic, bad) + `]}]}`})
				outcomes, err := w.call(t.Context(), f.client(), w.values)
				require.NoError(t, err, "%s: %s", name, form)
				requireSettled(t, w.values, outcomes)
				for i, outcome := range outcomes {
					require.Equal(t, i == at, outcome.Refused != "", "%s: %s: %d", name, form, i)
				}
				require.Equal(t, c.words, outcomes[at].Refused, "%s: %s", name, form)
				require.LessOrEqual(t, len(f.asked(w.path)), c.calls, "%s: %s", name, form)
			}
		}
	}
}

// membership is the list of members with or without a domain.
func membership(with bool, domain string) string {
	if with {
		return `{"domain":"` + domain + `"}`
	}
	return ""
}

func TestEveryDomainOfARESTCallHasItsOwnOutcomeHoweverOneIsRefused(t *testing.T) {
	const bad = "bad4.example"
	values := domains(9)
	for form, c := range map[string]struct {
		told  func(call received) answer
		words string
	}{
		"without a word": {func(call received) answer { return results(call, func(domain string) bool { return domain != bad }) }, "refused without a reason"},
		"an unknown code": {func(call received) answer {
			told := results(call, func(domain string) bool { return domain != bad })
			told.body = strings.ReplaceAll(told.body, `"success":false`, `"success":false,"code":"err_not_seen_before","message":"nobody knows"`)
			return told
		}, "err_not_seen_before: nobody knows"},
		"in a list of errors": {func(call received) answer {
			told := results(call, func(domain string) bool { return domain != bad })
			told.body = strings.ReplaceAll(told.body, `"success":false`, `"success":false,"errors":[{"message":"nobody knows"}]`)
			return told
		}, "nobody knows"},
		"the whole call": {func(received) answer {
			return answer{status: 400, body: `{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}`}
		}, "err_not_seen_before: nobody knows"},
		"fewer results than were sent": {func(call received) answer {
			return answer{body: `{"results":[` + strings.TrimSuffix(strings.Repeat(`{"success":true},`, len(sentDomains(call.body))-1), ",") + `]}`}
		}, "refused without a reason"},
	} {
		for path, call := range map[string]func(*fake) ([]indicator.Outcome, error){
			membersPath: func(f *fake) ([]indicator.Outcome, error) {
				return f.client().AddGroupDomains(t.Context(), "g1", values, "")
			},
			removePath: func(f *fake) ([]indicator.Outcome, error) {
				return f.client().RemoveGroupDomains(t.Context(), "g1", values)
			},
		} {
			f := newFake(t)
			answers := func(call received) answer {
				switch {
				case call.method == http.MethodGet:
					return answer{body: `{"groupMembers":[` + membership(path == removePath, bad) + `],"meta":{}}`}
				case slices.Contains(sentDomains(call.body), bad):
					return c.told(call)
				default:
					return results(call, func(string) bool { return true })
				}
			}
			f.does(membersPath, answers)
			f.does(path, answers)
			outcomes, err := call(f)
			require.NoError(t, err, "%s: %s", path, form)
			requireSettled(t, values, outcomes)
			for i, outcome := range outcomes {
				require.Equal(t, i == 4, outcome.Refused != "", "%s: %s: %d", path, form, i)
			}
			require.Equal(t, c.words, outcomes[4].Refused, "%s: %s", path, form)
			require.LessOrEqual(t, f.posts(path), 1+8, "%s: %s", path, form)
		}
	}
}

func TestEveryDomainHasItsOwnOutcomeHoweverItsPolicyIsRefused(t *testing.T) {
	const bad = "bad1.example"
	values := domains(3)
	for form, told := range map[string]answer{
		"an unknown code":             {body: `{"meta":{"status":200},"data":[],"fail":[{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}]}`},
		"an unknown code beside data": {body: `{"data":[{}],"fail":[{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}]}`},
		"retryable":                   {body: `{"data":[],"fail":[{"errors":[{"code":"err_not_seen_before","message":"nobody knows","retryable":true}]}]}`},
		"a message without a code":    {body: `{"data":[],"fail":[{"errors":[{"message":"nobody knows"}]}]}`},
		"a 400":                       {status: 400, body: `{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}`},
		"a meta.status of 400":        {body: `{"meta":{"status":400},"data":[],"fail":[{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}]}`},
		"a conflict":                  {status: 409, body: `{"errors":[{"code":"err_not_seen_before","message":"nobody knows"}]}`},
	} {
		for path, list := range map[string]string{policiesPath: policiesPath, createClassic: getPolicyPath} {
			f := newFake(t)
			f.says(list, answer{body: `{"policies":[],"data":[]}`})
			f.does(path, func(call received) answer {
				switch {
				case call.method == http.MethodGet:
					return answer{body: `{"policies":[]}`}
				case strings.Contains(call.body, bad):
					return told
				default:
					return answer{body: `{"id":"p","data":[{"id":"p"}]}`}
				}
			})
			outcomes, _, err := f.client().BlockSenderDomains(t.Context(), mark, values)
			require.NoError(t, err, "%s: %s", path, form)
			requireSettled(t, values, outcomes)
			require.Contains(t, outcomes[1].Refused, "nobody knows", "%s: %s", path, form)
			require.Equal(t, "p", outcomes[2].ID, "%s: %s", path, form)
			require.Equal(t, 3, f.posts(path), "%s: %s", path, form)
		}
	}
}
