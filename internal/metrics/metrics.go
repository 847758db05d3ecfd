// Package metrics counts what the worker does and shows it to Prometheus: the runs of the flows, the calls at the vendors,
// the mails, and what the Temporal SDK counts of itself. What there is stands in docs/metrics.md.
//
// No label holds what comes from a vendor or from a mail: no indicator, id, URL, address or secret. A label is a word of
// this program or the name of an integration, and how many series there are is bounded whatever is counted.
package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.temporal.io/sdk/client"
)

// other is the label of what is beyond a bound, or is not a word that a label may be. No integration can have this name.
const other = "_other"

// Metrics is all that is counted. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	temporal client.MetricsHandler
	vendors  vendors
	runs     *runs
	mails    metric.Int64Counter
}

// New makes metrics that share nothing with others in the same process. What goes wrong in showing them is logged to log;
// now is asked when they are shown.
func New(log *slog.Logger, now func() time.Time) (*Metrics, error) {
	m := &Metrics{registry: prometheus.NewRegistry(), log: log}
	if err := m.fill(now); err != nil {
		return nil, fmt.Errorf("make the metrics: %w", err)
	}
	return m, nil
}

func (m *Metrics) fill(now func() time.Time) error {
	goroutines := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "go_goroutines", Help: "Goroutines."}, func() float64 {
		return float64(runtime.NumGoroutine())
	})
	if err := m.registry.Register(goroutines); err != nil {
		return err
	}
	if err := m.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return err
	}
	temporal, err := m.meter(temporalSets, sdk.WithView(temporalView))
	if err != nil {
		return err
	}
	m.temporal = temporalHandler(temporal, m.log)
	called, err := m.meter(vendorSets)
	if err != nil {
		return err
	}
	if m.vendors, err = newVendors(called); err != nil {
		return err
	}
	own, err := m.meter(ownSets)
	if err != nil {
		return err
	}
	if m.runs, err = newRuns(own, now); err != nil {
		return err
	}
	if m.mails, err = newMails(own); err != nil {
		return err
	}
	return showBuild(own)
}

// meter is where instruments are made. Each of them has at most sets series; what would be more is added up in one of them,
// with the label otel_metric_overflow.
func (m *Metrics) meter(sets int, options ...sdk.Option) (metric.Meter, error) {
	reader, err := exporter.New(
		exporter.WithRegisterer(m.registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo(),
		exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
	)
	if err != nil {
		return nil, err
	}
	// Said explicitly, since the environment could change either.
	options = append(options, sdk.WithReader(reader), sdk.WithCardinalityLimit(sets), sdk.WithExemplarFilter(exemplar.AlwaysOffFilter))
	return sdk.NewMeterProvider(options...).Meter("threatshare"), nil
}

// Handler is the page /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError, // one that is broken does not take the others away
		MaxRequestsInFlight: 4,
	})
}

// showBuild says which build this is.
func showBuild(meter metric.Meter) error {
	version, commit, compiler := "unknown", "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, compiler = info.Main.Version, info.GoVersion
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	_, err := meter.Int64ObservableGauge("threatshare_build_info", metric.WithDescription("Which build this is; always 1."),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(1, labels("version", version, "commit", commit, "go_version", compiler))
			return nil
		}))
	return err
}

// labels are names and values in turn.
func labels(namesAndValues ...string) metric.MeasurementOption {
	set := make([]attribute.KeyValue, 0, len(namesAndValues)/2)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		set = append(set, attribute.String(namesAndValues[i], namesAndValues[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(set...))
}
