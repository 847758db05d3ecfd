package metrics

import (
	"context"
	"errors"
	"regexp"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
	"github.com/threatshare/threatshare/internal/settings"
)

const (
	// maxNamed is how many integrations have series of their own: the first that this worker heard of. The others share
	// theirs.
	maxNamed = 200
	// maxKnown is how many are told apart at all. It bounds memory where integrations come and go for years.
	maxKnown = 10_000
)

// nameForm is what the settings let an integration be called.
var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// integration is what is known of an integration: what its last reports on this worker said.
type integration struct {
	label        string
	flows        map[string]*flowState
	quota        *indicator.Quota
	remediations *activities.Remediations
}

type flowState struct {
	run      string    // id of the last run that was counted
	removed  bool      // since then
	lastGood time.Time // end of the last good run; zero: there was none
	readTo   time.Time // until when everything is read; zero: not known
}

func (r *runs) integration(name string) *integration {
	if known, found := r.known[name]; found {
		return known
	}
	label := name
	if len(r.known) >= maxNamed {
		label = other
	}
	if len(r.known) >= maxKnown || !nameForm.MatchString(name) {
		name, label = other, other
		if shared, found := r.known[name]; found {
			return shared
		}
	}
	added := &integration{label: label, flows: map[string]*flowState{}}
	r.known[name] = added
	return added
}

func (r *runs) removed(name, flow string) {
	known, found := r.known[name]
	if !found {
		return
	}
	if told, found := known.flows[flow]; found {
		*told = flowState{run: told.run, removed: true}
	}
	if flow == settings.FlowImportIOCs {
		known.quota = nil // only this flow learns of it
	}
}

// learn takes over what a report says of how things are.
func (i *integration) learn(flow *flowState, report activities.Report) {
	flow.removed = false
	if result(report) == good {
		flow.lastGood = report.At
	}
	if readTo := readTo(report); !readTo.IsZero() {
		flow.readTo = readTo
	}
	if report.Quota != nil && report.Quota.Known {
		i.quota = report.Quota
	}
	if report.Remediations != nil {
		i.remediations = report.Remediations
	}
}

// readTo is until when all the sources that the run was for are read without a gap. A quiet log has no new record, and is
// read all the same.
func readTo(report activities.Report) time.Time {
	var oldest time.Time
	for _, source := range settings.SourcesOf(report.Flow) {
		cursor, found := report.Cursors[source]
		if !found {
			continue
		}
		reached := cursor.Newest
		switch {
		case cursor.ReadTo.After(reached):
			reached = cursor.ReadTo
		case cursor.ReadTo.IsZero() && result(report) == good && !report.More:
			reached = report.At // a list does not say until when it is read; a good run reads it to its end
		}
		if !reached.IsZero() && (oldest.IsZero() || reached.Before(oldest)) {
			oldest = reached
		}
	}
	return oldest
}

// show makes the gauges. Of what shares a label, the worst is shown: an alert on it rings if it should for any of them.
func (r *runs) show(meter metric.Meter) error {
	var errs [5]error
	var lastGood, lag metric.Float64ObservableGauge
	var used, limit, remediations metric.Int64ObservableGauge
	lastGood, errs[0] = meter.Float64ObservableGauge("threatshare_last_good_run_timestamp", metric.WithUnit("s"),
		metric.WithDescription("When the last good run of a flow ended, as Unix time. 0: none since the start of the worker."))
	lag, errs[1] = meter.Float64ObservableGauge("threatshare_checkpoint_lag", metric.WithUnit("s"),
		metric.WithDescription("How long ago that is until which a flow has read everything."))
	used, errs[2] = meter.Int64ObservableGauge("threatshare_byoti_hashes",
		metric.WithDescription("Hashes in Mimecast's own threat intelligence of the tenant, whoever put them there."))
	limit, errs[3] = meter.Int64ObservableGauge("threatshare_byoti_hashes_limit",
		metric.WithDescription("Hashes that Mimecast takes there."))
	remediations, errs[4] = meter.Int64ObservableGauge("threatshare_remediations",
		metric.WithDescription("Removals of delivered mail by what became of them."))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		worst := r.worst()
		for of, flow := range worst.flows {
			set := labels("integration", of.label, "flow", of.flow)
			observer.ObserveFloat64(lastGood, unix(flow.lastGood), set)
			if !flow.readTo.IsZero() {
				observer.ObserveFloat64(lag, max(0, r.now().Sub(flow.readTo).Seconds()), set)
			}
		}
		for label, quota := range worst.quotas {
			observer.ObserveInt64(used, int64(quota.Used), labels("integration", label))
			observer.ObserveInt64(limit, int64(quota.Limit), labels("integration", label))
		}
		for label, made := range worst.remediations {
			for _, became := range remediationStates(made) {
				observer.ObserveInt64(remediations, int64(became.n), labels("integration", label, "state", became.name))
			}
		}
		return nil
	}, lastGood, lag, used, limit, remediations)
	return err
}

func remediationStates(made activities.Remediations) []outcome {
	return []outcome{
		{"wanted", made.Wanted},
		{"started", made.Started},
		{"done", made.Done},
		{"nothing_found", made.NothingFound},
		{"failed", made.Failed},
	}
}

// state is what the gauges show, by label.
type state struct {
	flows        map[flowLabels]flowState
	quotas       map[string]indicator.Quota
	remediations map[string]activities.Remediations
}

type flowLabels struct{ label, flow string }

func (r *runs) worst() state {
	r.mu.Lock()
	defer r.mu.Unlock()
	worst := state{map[flowLabels]flowState{}, map[string]indicator.Quota{}, map[string]activities.Remediations{}}
	for _, known := range r.known {
		for name, flow := range known.flows {
			of := flowLabels{known.label, name}
			shown, found := worst.flows[of]
			switch {
			case flow.removed:
			case !found:
				worst.flows[of] = *flow
			default:
				worst.flows[of] = worse(shown, *flow)
			}
		}
		if known.quota != nil {
			shown, found := worst.quotas[known.label]
			if !found || known.quota.Limit-known.quota.Used < shown.Limit-shown.Used {
				worst.quotas[known.label] = *known.quota
			}
		}
		if known.remediations != nil {
			worst.remediations[known.label] = sum(worst.remediations[known.label], *known.remediations)
		}
	}
	return worst
}

func worse(a, b flowState) flowState {
	if b.lastGood.Before(a.lastGood) {
		a.lastGood = b.lastGood
	}
	if a.readTo.IsZero() || !b.readTo.IsZero() && b.readTo.Before(a.readTo) {
		a.readTo = b.readTo
	}
	return a
}

// unix is a time in seconds; never is 0, and so long ago that an alert rings.
func unix(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMilli()) / 1000
}

func sum(a, b activities.Remediations) activities.Remediations {
	return activities.Remediations{
		Wanted: a.Wanted + b.Wanted, Started: a.Started + b.Started, Done: a.Done + b.Done,
		NothingFound: a.NothingFound + b.NothingFound, Failed: a.Failed + b.Failed,
	}
}
