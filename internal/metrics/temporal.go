package metrics

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// temporalSets is how many series an instrument of the Temporal SDK has at most: as many as there are status codes of gRPC,
// and some.
const temporalSets = 20

// Temporal takes what the Temporal SDK counts of itself: for client.Options.MetricsHandler.
func (m *Metrics) Temporal() client.MetricsHandler { return m.temporal }

func temporalHandler(meter metric.Meter, log *slog.Logger) client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter:                meter,
		UseMonotonicCounters: true,
		OnError:              func(err error) { log.Warn("metric of the temporal client not kept", "error", err) },
	})
}

// temporalView keeps of the SDK's instruments those that tell whether this worker keeps up and reaches its server, and of
// their labels those that are worth their series. With all of its labels the SDK makes thousands: a histogram for each type
// of step in each type of workflow.
func temporalView(instrument sdk.Instrument) (sdk.Stream, bool) {
	kept, labelled := temporalKept(instrument.Name)
	stream := sdk.Stream{
		Name: instrument.Name, Description: kept, Unit: instrument.Unit,
		AttributeFilter: attribute.NewAllowKeysFilter(labelled...),
	}
	switch {
	case kept == "":
		stream.Aggregation = sdk.AggregationDrop{}
	case instrument.Kind == sdk.InstrumentKindHistogram:
		stream.Aggregation = sdk.AggregationExplicitBucketHistogram{Boundaries: []float64{0.1, 1, 10, 60}}
	}
	return stream, true
}

// temporalKept describes an instrument of the SDK and names the labels it keeps. No description: it is not kept.
func temporalKept(name string) (description string, labelled []attribute.Key) {
	switch name {
	case "temporal_workflow_completed":
		return "Workflows that ended well.", nil
	case "temporal_workflow_failed":
		return "Workflows that failed.", nil
	case "temporal_workflow_canceled":
		return "Workflows that were canceled.", nil
	case "temporal_workflow_continue_as_new":
		return "Workflows that went on in a new run.", nil
	case "temporal_workflow_task_schedule_to_start_latency":
		return "How long workflow tasks waited for a worker.", nil
	case "temporal_workflow_task_execution_latency":
		return "How long workflow tasks took.", nil
	case "temporal_workflow_task_execution_failed":
		return "Workflow tasks that failed.", []attribute.Key{"failure_reason"}
	case "temporal_workflow_active_thread_count":
		return "Coroutines of the workflows in the cache.", nil
	case "temporal_activity_schedule_to_start_latency":
		return "How long activities waited for a worker.", nil
	case "temporal_activity_execution_latency":
		return "How long attempts at activities took.", nil
	case "temporal_activity_execution_failed":
		return "Attempts at activities that failed.", []attribute.Key{"failure_reason"}
	case "temporal_local_activity_total":
		return "Attempts at local activities.", nil
	case "temporal_local_activity_execution_failed":
		return "Attempts at local activities that failed.", []attribute.Key{"failure_reason"}
	case "temporal_unregistered_activity_invocation":
		return "Activities that this worker does not know.", nil
	case "temporal_corrupted_signals":
		return "Signals that were not of the form that was expected, and were dropped.", nil
	case "temporal_worker_task_slots_available":
		return "Tasks that this worker could take on beside those at work.", []attribute.Key{"worker_type"}
	case "temporal_worker_task_slots_used":
		return "Tasks at work.", []attribute.Key{"worker_type"}
	case "temporal_num_pollers":
		return "Polls that wait for work.", []attribute.Key{"poller_type"}
	case "temporal_sticky_cache_size":
		return "Workflows in the cache.", nil
	case "temporal_sticky_cache_hit":
		return "Workflow tasks whose workflow was in the cache.", nil
	case "temporal_sticky_cache_miss":
		return "Workflow tasks whose workflow was not in the cache any more and was replayed.", nil
	case "temporal_sticky_cache_total_forced_eviction":
		return "Workflows that left the cache since it was full.", nil
	case "temporal_request":
		return "Requests to the Temporal server, without polls.", nil
	case "temporal_request_latency":
		return "How long requests to the Temporal server took, without polls.", nil
	case "temporal_request_failure":
		return "Requests to the Temporal server that failed, without polls.", []attribute.Key{"status_code"}
	case "temporal_request_resource_exhausted":
		return "Requests that the Temporal server refused since there were too many.", []attribute.Key{"cause"}
	case "temporal_long_request":
		return "Polls.", nil
	case "temporal_long_request_failure":
		return "Polls that failed.", []attribute.Key{"status_code"}
	default:
		return "", nil
	}
}
