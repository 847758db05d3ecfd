package falcon_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
	"github.com/threatshare/threatshare/internal/indicator"
)

func FuzzTokenAnswer(f *testing.F) {
	f.Add(uint16(1), `{"access_token":"t","expires_in":1799}`)
	f.Add(uint16(0), `{"access_token":null,"expires_in":"-1"}`)
	f.Add(uint16(203), `{"errors":[{"code":403,"message":"client `+clientID+` and `+clientSecret+` are unknown"}]}`)
	f.Add(uint16(108), `<html>`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		vendor := newFake(always(reply{status: 200 + int(status)%400, body: body}))
		vendor.token = func(request) reply { return reply{status: 200 + int(status)%400, body: body} }
		client := vendor.directWith(t, falcon.Config{MemberCID: "member-cid-4711"})
		if err := client.CheckConnection(t.Context()); err != nil {
			said := refused(t, err).Error()
			require.NotContains(t, said, clientSecret)
			require.NotContains(t, said, "member-cid-4711")
		}
	})
}

func FuzzActionsSurviveAnyAnswer(f *testing.F) {
	f.Add(uint16(0), `{"resources":[{"id":"prevent","platforms":["windows"],"applied_severities":null}]}`)
	f.Add(uint16(0), `{"resources":{},"errors":[null]}`)
	f.Add(uint16(203), `{"errors":[{"code":403,"message":"access denied, authorization failed"}]}`)
	f.Fuzz(func(t *testing.T, status uint16, body string) {
		vendor := newFake(always(reply{status: 200 + int(status)%400, body: body}))
		if _, err := vendor.direct(t, 0).Actions(t.Context()); err != nil {
			require.NotEmpty(t, refused(t, err).Class)
		}
		// Whatever Falcon says of its rules, a share is either allowed or named.
		_ = vendor.direct(t, 0).CheckShares(t.Context(), []indicator.Share{{Indicator: indicator.Indicator{Key: domain("a.example")}, Action: "detect"}})
	})
}
