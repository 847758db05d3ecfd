package falcon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/falcon"
)

func TestTheDomainsOfAnAlertAreItsIndicatorsOnly(t *testing.T) {
	many := make([]string, 0, 201)
	for i := range 201 {
		many = append(many, fmt.Sprintf("d%d.example", i))
	}
	for name, tc := range map[string]struct {
		fields  string
		domains []string
		reason  string
	}{
		"at the top":                     {`"ioc_type":"domain","ioc_value":"a.example"`, []string{"a.example"}, ""},
		"in the context only":            {`"ioc_context":[{"ioc_type":"domain","ioc_value":"a.example"}]`, []string{"a.example"}, ""},
		"in both, others in between":     {`"ioc_type":"domain","ioc_value":"a.example","ioc_context":[{"ioc_type":"file"},{"ioc_type":"domain","ioc_value":"b.example"}]`, []string{"a.example", "b.example"}, ""},
		"the top is a hash":              {`"ioc_type":"hash_sha256","ioc_value":"aa","ioc_context":[{"ioc_type":"domain","ioc_value":"b.example"}]`, []string{"b.example"}, ""},
		"a list":                         {`"ioc_type":"domain","ioc_value":" a.example ,b.example,, c.example"`, []string{"a.example", "b.example", "c.example"}, ""},
		"a list in the context":          {`"ioc_context":[{"ioc_type":"domain","ioc_value":"a.example,b.example"}]`, []string{"a.example", "b.example"}, ""},
		"the same in other spellings":    {`"ioc_type":"domain","ioc_value":"A.example,a.example.","ioc_context":[{"ioc_type":"domain","ioc_value":"a.EXAMPLE"}]`, []string{"A.example"}, ""},
		"left for indicator.New":         {`"ioc_type":"domain","ioc_value":"192.0.2.1,*.a.example"`, []string{"192.0.2.1", "*.a.example"}, ""},
		"the context is one object":      {`"ioc_context":{"ioc_type":"domain","ioc_value":"a.example"}`, []string{"a.example"}, ""},
		"a context with odd members":     {`"ioc_context":[null,7,"x",[],{"ioc_type":1,"ioc_value":{}},{"ioc_type":"domain","ioc_value":"a.example"}]`, []string{"a.example"}, ""},
		"as many as there can be":        {`"ioc_type":"domain","ioc_value":"` + strings.Join(many[:200], ",") + `"`, many[:200], ""},
		"more than there can be":         {`"ioc_type":"domain","ioc_value":"` + strings.Join(many, ",") + `"`, nil, falcon.TooManyDomains},
		"nothing":                        {`"name":"x"`, nil, falcon.NoDomain},
		"nulls":                          {`"ioc_type":null,"ioc_value":null,"ioc_context":null,"tags":null,"resolution":null`, nil, falcon.NoDomain},
		"empty":                          {`"ioc_type":"domain","ioc_value":" , .","ioc_context":[]`, nil, falcon.NoDomain},
		"a value without a type":         {`"ioc_value":"a.example"`, nil, falcon.NoDomain},
		"another type":                   {`"ioc_type":"hash_sha256","ioc_value":"a.example"`, nil, falcon.NoDomain},
		"nearly the type":                {`"ioc_type":"domain_name","ioc_value":"a.example","ioc_context":[{"ioc_type":"Domain","ioc_value":"b.example"}]`, nil, falcon.NoDomain},
		"the flat list":                  {`"ioc_type":"domain","ioc_values":["a.example"]`, nil, falcon.NoDomain},
		"look-ups":                       {`"dns_requests":[{"ioc_type":"domain","ioc_value":"a.example","domain_name":"a.example"}],"DnsRequests":[{"DomainName":"a.example"}]`, nil, falcon.NoDomain},
		"network accesses":               {`"network_accesses":[{"remote_address":"a.example"}]`, nil, falcon.NoDomain},
		"hosts":                          {`"host_names":["a.example"],"source_hosts":["a.example"],"destination_hosts":["a.example"]`, nil, falcon.NoDomain},
		"the customer's own names":       {`"logon_domain":"a.example","user_principal":"u@a.example","source_account_domain":"a.example","source_ip_isp_domain":"a.example","device":{"machine_domain":"a.example","hostinfo":{"domain":"a.example"},"hostname":"h.a.example"}`, nil, falcon.NoDomain},
		"product areas":                  {`"data_domains":["a.example"]`, nil, falcon.NoDomain},
		"free text":                      {`"cmdline":"a.example","description":"a.example","comment":"a.example","comments":["a.example"]`, nil, falcon.NoDomain},
		"of a custom indicator":          {`"ioc_type":"domain","ioc_value":"a.example","tactic_id":"CSTA0005","technique_id":"CST0005"`, []string{"a.example"}, ""},
		"hidden":                         {`"ioc_type":"domain","ioc_value":"a.example","show_in_ui":false`, []string{"a.example"}, ""},
		"resolved as true":               {`"ioc_type":"domain","ioc_value":"a.example","status":"closed","resolution":"true_positive","tags":["true_positive","x"]`, []string{"a.example"}, ""},
		"resolved as false":              {`"ioc_type":"domain","ioc_value":"a.example","resolution":"false_positive"`, nil, falcon.FalsePositive},
		"resolved as false, other case":  {`"ioc_type":"domain","ioc_value":"a.example","resolution":" False_Positive "`, nil, falcon.FalsePositive},
		"tagged as false":                {`"ioc_type":"domain","ioc_value":"a.example","tags":["x",null,"false_positive"]`, nil, falcon.FalsePositive},
		"tagged as false without a list": {`"ioc_type":"domain","ioc_value":"a.example","tags":"false_positive"`, nil, falcon.FalsePositive},
		"ignored":                        {`"ioc_type":"domain","ioc_value":"a.example","resolution":"ignored"`, nil, falcon.Ignored},
		"tagged as ignored":              {`"ioc_type":"domain","ioc_value":"a.example","tags":["ignored"]`, nil, falcon.Ignored},
		"both":                           {`"tags":["ignored"],"resolution":"false_positive"`, nil, falcon.FalsePositive},
	} {
		t.Run(name, func(t *testing.T) {
			domains, reason, err := falcon.AlertDomains([]byte(`{"composite_id":"1",` + tc.fields + `}`))
			require.NoError(t, err)
			require.Equal(t, tc.domains, domains)
			require.Equal(t, tc.reason, reason)
		})
	}
}

func TestTheDomainsOfARichAlertAreThoseThatFired(t *testing.T) {
	var page struct {
		Resources []json.RawMessage `json:"resources"`
	}
	require.NoError(t, json.Unmarshal([]byte(file(t, "alert-page.json")), &page))
	domains, reason, err := falcon.AlertDomains(page.Resources[0])
	require.NoError(t, err)
	require.Empty(t, reason)
	require.Equal(t, []string{"bad.example", "worse.example", "context.example"}, domains)
}

func file(tb testing.TB, name string) string {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return string(body)
}
