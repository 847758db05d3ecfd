package metrics

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"go.opentelemetry.io/otel/metric"

	"github.com/threatshare/threatshare/internal/vendorapi"
)

// vendorSets is how many series the requests by operation have at most. There are some 45 operations, of which an
// integration uses 30, and most are only ever answered with one class of status.
const vendorSets = 80

// operationForm is what an operation may look like: a method and a path without an id in it.
var operationForm = regexp.MustCompile(`^[A-Z]{3,7} (/([a-z][a-z-]{0,40}[0-9]?|\{id\}))+$`)

type vendors struct {
	duration  metric.Float64Histogram
	requests  metric.Int64Counter
	time      metric.Float64Counter
	throttled metric.Int64Counter
}

func newVendors(meter metric.Meter) (vendors, error) {
	var v vendors
	var errs [4]error
	v.duration, errs[0] = meter.Float64Histogram("threatshare_vendor_request_duration", metric.WithUnit("s"),
		metric.WithDescription("How long requests to a vendor took, with the whole answer."),
		metric.WithExplicitBucketBoundaries(0.1, 0.5, 2, 10, 30))
	v.requests, errs[1] = meter.Int64Counter("threatshare_vendor_requests",
		metric.WithDescription("Requests to a vendor by operation."))
	v.time, errs[2] = meter.Float64Counter("threatshare_vendor_request_time", metric.WithUnit("s"),
		metric.WithDescription("How long requests to a vendor took in all, by operation."))
	v.throttled, errs[3] = meter.Int64Counter("threatshare_vendor_throttled",
		metric.WithDescription("Answers of a vendor that there were too many requests."))
	if err := errors.Join(errs[:]...); err != nil {
		return vendors{}, err
	}
	for _, vendor := range []string{"mimecast", "falcon"} {
		v.throttled.Add(context.Background(), 0, labels("vendor", vendor)) // so that the first one is seen as a rise
	}
	return v, nil
}

// ObserveCall counts a request to a vendor: for the Observe of their clients.
func (m *Metrics) ObserveCall(call vendorapi.Call) {
	ctx, vendor, status := context.Background(), vendorLabel(call.Vendor), statusLabel(call.Status)
	operation := other
	if operationForm.MatchString(call.Operation) {
		operation = call.Operation
	}
	m.vendors.duration.Record(ctx, call.Took.Seconds(), labels("vendor", vendor, "status", status))
	m.vendors.requests.Add(ctx, 1, labels("vendor", vendor, "operation", operation, "status", status))
	m.vendors.time.Add(ctx, call.Took.Seconds(), labels("vendor", vendor, "operation", operation))
	if call.Status == http.StatusTooManyRequests {
		m.vendors.throttled.Add(ctx, 1, labels("vendor", vendor))
	}
}

func vendorLabel(vendor string) string {
	switch vendor {
	case "mimecast", "falcon":
		return vendor
	default:
		return other
	}
}

// statusLabel is the class of an HTTP status; being throttled is a class of its own.
func statusLabel(status int) string {
	switch {
	case status == 0:
		return "none"
	case status == http.StatusTooManyRequests:
		return "429"
	case status >= 500:
		return "5xx"
	case status >= 400:
		return "4xx"
	case status >= 300:
		return "3xx"
	default:
		return "2xx"
	}
}
