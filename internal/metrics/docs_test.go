package metrics_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// described is what docs/metrics.md says of a metric.
type described struct {
	kind   string
	labels []string
}

func TestTheDocumentationNamesWhatIsShownAndNothingElse(t *testing.T) {
	m := newMetrics(t)
	everyCall(m)
	everythingOfTemporal(m.Temporal())
	everyRun(m, "acme", 1, 10)
	shown := shownMetrics(m)
	written := writtenMetrics(t)
	require.Equal(t, slices.Sorted(maps.Keys(written)), slices.Sorted(maps.Keys(shown)))
	for name, metric := range written {
		require.Equal(t, metric, shown[name], name)
	}
}

func TestTheAlertsOfTheDocumentationAskForWhatIsShown(t *testing.T) {
	known := writtenMetrics(t)
	rules := alerts(t)
	require.NotEmpty(t, rules)
	for _, rule := range rules {
		for _, name := range regexp.MustCompile(`(threatshare|temporal)_[a-z_]+`).FindAllString(rule, -1) {
			require.Contains(t, known, name, rule)
		}
	}
}

// shownMetrics reads the page. Labels of histograms are without le, which all have.
func shownMetrics(m shown) map[string]described {
	found := map[string]described{}
	for line := range strings.Lines(m.page()) {
		if name, kind, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# TYPE "), " "); ok &&
			strings.HasPrefix(line, "# TYPE ") && !strings.HasPrefix(name, "process_") {
			found[name] = described{kind: kind}
		}
	}
	label := regexp.MustCompile(`([a-z_]+)="`)
	for _, line := range m.series() {
		name, rest, _ := strings.Cut(line, "{")
		if strings.Contains(rest, "otel_metric_overflow") {
			continue
		}
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			if of := strings.TrimSuffix(name, part); found[of].kind == "histogram" {
				name = of
			}
		}
		metric, ok := found[name]
		if !ok {
			continue
		}
		metric.labels = nil
		for _, match := range label.FindAllStringSubmatch(rest, -1) {
			if match[1] != "le" {
				metric.labels = append(metric.labels, match[1])
			}
		}
		slices.Sort(metric.labels)
		found[name] = metric
	}
	return found
}

// writtenMetrics reads the table.
func writtenMetrics(t *testing.T) map[string]described {
	t.Helper()
	found := map[string]described{}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(documentation(t)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue
		}
		name := quoted.FindStringSubmatch(cells[1])
		if name == nil {
			continue
		}
		metric := described{kind: strings.TrimSpace(cells[2])}
		for _, label := range quoted.FindAllStringSubmatch(cells[3], -1) {
			metric.labels = append(metric.labels, label[1])
		}
		slices.Sort(metric.labels)
		found[name[1]] = metric
	}
	require.NotEmpty(t, found)
	return found
}

// alerts are the expressions of the rules.
func alerts(t *testing.T) []string {
	t.Helper()
	_, block, _ := strings.Cut(documentation(t), "## Alerts")
	_, block, _ = strings.Cut(block, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &file))
	var expressions []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			require.NotEmpty(t, rule.Alert)
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions
}

func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	return string(text)
}
