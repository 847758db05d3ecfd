package mimecast_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/vendorapi"
)

const (
	batchPath = "/api/byo-threat-intelligence/create-batch"
	quotaPath = "/api/byo-threat-intelligence/get-quota"
)

// hashes gives n different hashes.
func hashes(n int) []string {
	values := make([]string, 0, n)
	for i := range n {
		values = append(values, fmt.Sprintf("%064x", i+1))
	}
	return values
}

// sentHashes reads the hashes of a create-batch request.
func sentHashes(body string) []string {
	var request struct {
		Data []struct {
			HashList []struct {
				Hash string `json:"hash"`
			} `json:"hashList"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(body), &request) != nil || len(request.Data) != 1 {
		return nil
	}
	var values []string
	for _, entry := range request.Data[0].HashList {
		values = append(values, entry.Hash)
	}
	return values
}

// accepts answers as if all hashes of the request were good.
func accepts(call received) answer {
	return answer{body: fmt.Sprintf(`{"meta":{"status":200},"data":[{"batchIdToken":"batch-1","completionTime":"2026-11-16T19:11:46.000Z[UTC]","hashCount":%d}],"fail":[]}`,
		len(sentHashes(call.body)))}
}

// refuses is an answer that holds one error and nothing else.
func refuses(key, code, message string) answer {
	if key != "" {
		key = `"key":` + key + `,`
	}
	return answer{body: fmt.Sprintf(`{"meta":{"status":200},"data":[],"fail":[{%s"errors":[{"code":%q,"message":%q,"retryable":false}]}]}`, key, code, message)}
}

// requireSettled makes sure that each outcome is exactly one of the four, in the order of the values.
func requireSettled(t require.TestingT, values []string, outcomes []indicator.Outcome) {
	require.Len(t, outcomes, len(values))
	for i, outcome := range outcomes {
		require.Equal(t, values[i], outcome.Value)
		require.Equal(t, 1, ways(outcome), "%+v", outcome)
	}
}

func ways(outcome indicator.Outcome) int {
	n := 0
	for _, holds := range []bool{outcome.ID != "", outcome.Duplicate, outcome.Foreign, outcome.Refused != ""} {
		if holds {
			n++
		}
	}
	return n
}

func TestAHashIsBlockedWithAShortNoteAndTheProvider(t *testing.T) {
	f := newFake(t)
	f.does(batchPath, accepts)
	values := hashes(2)
	outcomes, err := f.client().BlockHashes(t.Context(), values, "threatshare:a-rather-long-name")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, indicator.Outcome{Key: indicator.Key{Kind: indicator.SHA256, Value: values[0]}, ID: "batch-1"}, outcomes[0])
	calls := f.asked(batchPath)
	require.Len(t, calls, 1)
	require.Equal(t, http.MethodPost, calls[0].method)
	require.JSONEq(t, fmt.Sprintf(`{"data":[{"operationType":"BLOCK","hashList":[
		{"hash":%q,"provider":"Falcon","description":"threatshare:a-rather"},
		{"hash":%q,"provider":"Falcon","description":"threatshare:a-rather"}]}]}`, values[0], values[1]), calls[0].body)
}

func TestHashesGoOutAThousandWithEachCall(t *testing.T) {
	f := newFake(t)
	f.does(batchPath, accepts)
	values := hashes(2500)
	outcomes, err := f.client().BlockHashes(t.Context(), values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	calls := f.asked(batchPath)
	require.Len(t, calls, 3)
	require.Len(t, sentHashes(calls[0].body), 1000)
	require.Len(t, sentHashes(calls[2].body), 500)
	require.NotContains(t, calls[0].body, "description")
}

func TestAHashIsRemovedAloneAndNotItsBatch(t *testing.T) {
	f := newFake(t)
	values := hashes(2)
	f.says(batchPath, answer{body: `{"data":[{"batchIdToken":"batch-2","hashCount":1}],"fail":[{"key":{"hash":"` + values[1] + `"},"errors":[{"code":"err_hash_not_found","message":"no such hash"}]}]}`})
	outcomes, err := f.client().UnblockHashes(t.Context(), values)
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "batch-2", outcomes[0].ID)
	require.True(t, outcomes[1].Duplicate, "what is not there needs no removal")
	require.JSONEq(t, fmt.Sprintf(`{"data":[{"operationType":"DELETE","hashList":[{"hash":%q},{"hash":%q}]}]}`, values[0], values[1]), f.asked(batchPath)[0].body)
	require.Equal(t, []string{"POST " + batchPath}, f.calls())
}

func TestEachHashOfAMixedAnswerHasItsOwnOutcome(t *testing.T) {
	f := newFake(t)
	values := hashes(4)
	f.says(batchPath, answer{body: `{"meta":{"status":200},"data":[{"batchIdToken":"batch-1","hashCount":2}],"fail":[
		{"key":{"hash":"` + strings.ToUpper(values[1]) + `"},"errors":[{"field":"hash","code":"err_hash_new_word","message":"nobody knows","retryable":true}]},
		{"key":{"hash":"` + values[2] + `"},"errors":[{"code":"err_hash_already_exists","message":"listed"}]}]}`})
	outcomes, err := f.client().BlockHashes(t.Context(), values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "err_hash_new_word: nobody knows", outcomes[1].Refused)
	require.True(t, outcomes[2].Duplicate)
	require.Equal(t, "batch-1", outcomes[3].ID)
	require.Len(t, f.asked(batchPath), 1)
}

func TestTheOthersOfARefusedCallAreSentAgainWithoutTheNamedOne(t *testing.T) {
	f := newFake(t)
	values := hashes(3)
	f.does(batchPath, func(call received) answer {
		if slices.Contains(sentHashes(call.body), values[1]) {
			return refuses(`{"hash":"`+values[1]+`"}`, "err_validation_hash", "not a file")
		}
		return accepts(call)
	})
	outcomes, err := f.client().BlockHashes(t.Context(), values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, "err_validation_hash: not a file", outcomes[1].Refused)
	calls := f.asked(batchPath)
	require.Len(t, calls, 2)
	require.Equal(t, []string{values[0], values[2]}, sentHashes(calls[1].body))
}

func TestFault_V13_OneBadHashInTwoHundredCostsAtMostSixteenCallsMore(t *testing.T) {
	values := hashes(200)
	for name, refusal := range map[string]answer{
		"no key":           refuses("", "err_new", "one of them is bad"),
		"the whole list":   refuses(`{"hashList":[{"hash":"a"},{"hash":"b"}]}`, "err_validation_hash", "one of them is bad"),
		"retryable":        {body: `{"data":[],"fail":[{"errors":[{"code":"err_new","message":"one of them is bad","retryable":true}]}]}`},
		"a bare 400":       {status: 400, body: `{"errors":[{"code":"bad_request","message":"one of them is bad"}]}`},
		"silently":         {body: `{"meta":{"status":200},"data":[],"fail":[]}`},
		"counted too few":  {body: `{"data":[{"batchIdToken":"b","hashCount":0}]}`},
		"counted and fail": {body: `{"data":[{"batchIdToken":"b"}],"fail":[{"errors":[{"code":"err_new","message":"one"}]}]}`},
	} {
		for _, bad := range []int{0, 99, 137, 199} {
			f := newFake(t)
			f.does(batchPath, func(call received) answer {
				if slices.Contains(sentHashes(call.body), values[bad]) {
					return refusal
				}
				return accepts(call)
			})
			outcomes, err := f.client().BlockHashes(t.Context(), values, "")
			require.NoError(t, err, name)
			requireSettled(t, values, outcomes)
			for i, outcome := range outcomes {
				require.Equal(t, i == bad, outcome.Refused != "", "%s: %d", name, i)
			}
			require.LessOrEqual(t, len(f.asked(batchPath)), 1+16, name)
		}
	}
}

func TestACallOfBadHashesOnlyIsNotWorthThousandsOfCalls(t *testing.T) {
	f := newFake(t)
	f.says(batchPath, refuses("", "err_new", "no"))
	values := hashes(1000)
	outcomes, err := f.client().BlockHashes(t.Context(), values, "")
	require.Equal(t, vendorapi.Contract, refusalOf(t, err).Class)
	require.LessOrEqual(t, len(f.asked(batchPath)), 110)
	refused := 0
	for _, outcome := range outcomes {
		if outcome.Refused != "" {
			refused++
		}
	}
	require.Greater(t, refused, 20, "so that a later try has less to do")
}

func TestWithoutRoomNothingIsSentASecondTime(t *testing.T) {
	for name, told := range map[string]answer{
		"alone":      refuses("", "err_any", "Quota not available to create the batch"),
		"at 400":     {status: 400, body: `{"fail":[{"errors":[{"code":"x","message":"Quota not available to create the batch"}]}]}`},
		"next to it": {body: `{"data":[{"batchIdToken":"b","hashCount":0}],"fail":[{"errors":[{"code":"x","message":"Quota not available to create the batch"}]}]}`},
		"second":     {body: `{"data":[],"fail":[{"errors":[{"code":"err_validation_x","message":"bad"},{"code":"x","message":"Quota not available to create the batch"}]}]}`},
	} {
		f := newFake(t)
		f.says(batchPath, told)
		outcomes, err := f.client().BlockHashes(t.Context(), hashes(1500), "")
		require.Equal(t, vendorapi.Quota, refusalOf(t, err).Class, name)
		require.Len(t, f.asked(batchPath), 1, name)
		require.Len(t, outcomes, 1500)
		for _, outcome := range outcomes {
			require.Zero(t, ways(outcome))
		}
	}
}

func TestOutcomesAreGoodNextToAnError(t *testing.T) {
	f := newFake(t)
	f.does(batchPath, func(call received) answer {
		if len(sentHashes(call.body)) < 1000 {
			return answer{status: 502, body: file(t, "maintenance.html")}
		}
		return accepts(call)
	})
	outcomes, err := f.client().BlockHashes(t.Context(), hashes(1001), "")
	require.Equal(t, vendorapi.Unavailable, refusalOf(t, err).Class)
	require.Equal(t, "batch-1", outcomes[999].ID)
	require.Zero(t, ways(outcomes[1000]))
	require.NotEmpty(t, outcomes[1000].Value)
}

func TestWhatIsNotAboutHashesRefusesNone(t *testing.T) {
	for _, c := range []struct {
		told  answer
		class vendorapi.Class
	}{
		{answer{status: 403, body: file(t, "error-gateway.json")}, vendorapi.Forbidden},
		{answer{status: 404, body: `{"fail":[{"code":"not_found"}]}`}, vendorapi.Rejected},
		{answer{status: 405}, vendorapi.Rejected},
		{answer{status: 415}, vendorapi.Rejected},
		{answer{status: 500}, vendorapi.Unavailable},
		{answer{status: 500, body: `{"fail":[{"key":{"hash":"` + hashes(1)[0] + `"},"errors":[{"code":"err_new"}]}]}`}, vendorapi.Unavailable},
		{answer{body: `{"meta":{"status":503},"data":[],"fail":[{"errors":[{"code":"err_new"}]}]}`}, vendorapi.Unavailable},
		{answer{body: `{"meta":{"status":403},"data":[]}`}, vendorapi.Forbidden},
		{answer{body: `<html>welcome</html>`}, vendorapi.Contract},
		{answer{body: `{"data":[{`}, vendorapi.Contract},
		{refuses("", "err_developer_key", "App ID is invalid"), vendorapi.Unavailable},
		{answer{body: `{"data":[{"hashCount":1}],"fail":[{"errors":[{"code":"app_forbidden"}]}]}`}, vendorapi.Forbidden},
	} {
		f := newFake(t)
		f.says(batchPath, c.told)
		outcomes, err := f.client().BlockHashes(t.Context(), hashes(2), "")
		require.Error(t, err, "%d %s", c.told.status, c.told.body)
		require.Equal(t, c.class, refusalOf(t, err).Class, c.told.body)
		require.Len(t, f.asked(batchPath), 1)
		for _, outcome := range outcomes {
			require.Zero(t, ways(outcome), c.told.body)
		}
	}
}

func TestWhatIsNoHashIsNotSentAndATwinOnce(t *testing.T) {
	f := newFake(t)
	f.does(batchPath, accepts)
	good := strings.Repeat("ab", 32)
	values := []string{good, strings.ToUpper(good), "d41d8cd98f00b204e9800998ecf8427e", "", good}
	outcomes, err := f.client().BlockHashes(t.Context(), values, "")
	require.NoError(t, err)
	requireSettled(t, values, outcomes)
	require.Equal(t, []string{good}, sentHashes(f.asked(batchPath)[0].body))
	require.Equal(t, outcomes[0], outcomes[4])
	for _, at := range []int{1, 2, 3} {
		require.Contains(t, outcomes[at].Refused, "not sent")
	}
	_, err = f.client().BlockHashes(t.Context(), nil, "")
	require.NoError(t, err)
	require.Len(t, f.asked(batchPath), 1, "nothing to do needs no call")
}

func TestWhateverIsRefusedEachHashEndsWithItsOwnOutcome(t *testing.T) {
	values := hashes(60)
	f := newFake(t)
	client := f.client()
	rapid.Check(t, func(rt *rapid.T) {
		bad := rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, 6, rapid.ID).Draw(rt, "bad")
		named := rapid.Bool().Draw(rt, "named")
		partly := rapid.Bool().Draw(rt, "partly")
		f.does(batchPath, func(call received) answer {
			sent := sentHashes(call.body)
			var fails []string
			for _, hash := range sent {
				if slices.Contains(bad, hash) {
					key := ""
					if named {
						key = `"key":{"hash":"` + hash + `"},`
					}
					fails = append(fails, `{`+key+`"errors":[{"code":"err_validation_x","message":"no"}]}`)
				}
			}
			switch {
			case len(fails) == 0:
				return accepts(call)
			case partly && len(fails) < len(sent):
				return answer{body: fmt.Sprintf(`{"data":[{"batchIdToken":"b","hashCount":%d}],"fail":[%s]}`, len(sent)-len(fails), strings.Join(fails, ","))}
			default:
				return answer{body: `{"data":[],"fail":[` + strings.Join(fails, ",") + `]}`}
			}
		})
		outcomes, err := client.BlockHashes(t.Context(), values, "")
		require.NoError(rt, err)
		requireSettled(rt, values, outcomes)
		for i, outcome := range outcomes {
			require.Equal(rt, slices.Contains(bad, values[i]), outcome.Refused != "")
		}
	})
}

func TestTheQuotaIsReadWhateverItsFieldsAreCalled(t *testing.T) {
	known := indicator.Quota{Used: 40, Limit: 100, Known: true}
	for data, want := range map[string]indicator.Quota{
		`[{"used":40,"remaining":60}]`:                                        known,
		`[{"used":40,"limit":100}]`:                                           known,
		`{"hashes":{"inUse":"40","quotaRemaining":" 60 "}}`:                   known,
		`[{"totalUsed":40,"totalQuota":100,"totalAvailable":60}]`:             known,
		`[{"quota":100,"remaining":60,"account":"C1"}]`:                       known,
		`[{"indicatorsInUse":40,"indicatorsRemaining":60,"lastUpdated":"x"}]`: known,
		`[{"used":0,"limit":100}]`:                                            {Limit: 100, Known: true},
		`[{"used":40}]`:                                                       {},
		`[{"limit":100}]`:                                                     {},
		`[{"used":-1,"limit":100}]`:                                           {},
		`[{"used":1.5,"limit":100}]`:                                          {},
		`[{"used":40,"limit":100},{"used":7,"limit":9}]`:                      {},
		`[{"remaining":200,"limit":100}]`:                                     {},
		`[]`:                                                                  {},
		`null`:                                                                {},
		`"full"`:                                                              {},
	} {
		f := newFake(t)
		f.says(quotaPath, answer{body: `{"meta":{"status":200,"pagination":{"pageSize":1,"totalCount":7}},"data":` + data + `,"fail":[]}`})
		got, err := f.client().HashQuota(t.Context())
		require.NoError(t, err, data)
		require.Equal(t, want, got, data)
		require.Empty(t, f.asked(quotaPath)[0].body)
		require.Equal(t, http.MethodPost, f.asked(quotaPath)[0].method)
	}
}

func TestAnAccountWithoutAQuotaCallHasAnUnknownQuota(t *testing.T) {
	for _, told := range []answer{{status: 404, body: `{}`}, {status: 405}, {body: `not json`}, {body: `{}`}, refuses("", "err_new", "no")} {
		f := newFake(t)
		f.says(quotaPath, told)
		got, err := f.client().HashQuota(t.Context())
		require.NoError(t, err)
		require.Zero(t, got)
	}
	for status, class := range map[int]vendorapi.Class{403: vendorapi.Forbidden, 500: vendorapi.Unavailable, 429: vendorapi.Throttled} {
		f := newFake(t)
		f.says(quotaPath, answer{status: status})
		_, err := f.client().HashQuota(t.Context())
		require.Equal(t, class, refusalOf(t, err).Class)
	}
}
