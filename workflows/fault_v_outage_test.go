package workflows_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/internal/settings"
	"github.com/threatshare/threatshare/internal/simulator/control"
	"github.com/threatshare/threatshare/internal/simulator/fault"
	"github.com/threatshare/threatshare/internal/simulator/mimecast"
)

// Also N8: both vendors are gone for a day, each with another status. Nobody does anything about it.
func TestFault_V7_AnOutageOfADayCostsFewCallsAndIsOverByItself(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		for _, flow := range settings.Flows() {
			t.Run(flow+" "+http.StatusText(status), func(t *testing.T) {
				w := newWorld(t)
				w.run(settings.Flows()...) // there are tokens
				w.log(mimecast.Attachment, attachment(w.clock.now(), sha(90), 0))
				w.log(mimecast.URL, click(w.clock.now(), "clicked.top", 0, nil))
				w.log(mimecast.Impersonation, impersonation(w.clock.now(), "forged.top", 0))
				w.lists(hashIOC(1), domainIOC("listed.top"))
				w.alerts(control.DomainAlert("alerted.top"))
				w.clock.pass(time.Minute)
				w.writes()

				require.NoError(t, w.vendors.AddFaults(t.Context(), fault.Rule{Kind: fault.Status, Status: status}))
				began, calls := w.clock.now(), 0
				var mu sync.Mutex // logs are read side by side
				w.before = func(*runtime, string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if calls > 0 || w.clock.now().Sub(began) < 24*time.Hour {
						return nil
					}
					stats, err := w.vendors.Stats(t.Context())
					if err != nil {
						return err
					}
					calls = stats.Total(fault.Mimecast) + stats.Total(fault.Falcon)
					return w.vendors.ClearFaults(t.Context())
				}
				w.run(flow)
				w.before = nil
				require.GreaterOrEqual(t, w.clock.now().Sub(began), 24*time.Hour)
				t.Logf("%d calls", calls)
				require.Positive(t, calls)
				require.LessOrEqual(t, calls, 100, "although three logs are read side by side")
				w.run(settings.Flows()...)
				require.Len(t, w.ownIOCs(), 3)
				require.Equal(t, []string{sha(1)}, w.blocked().Hashes)
				require.Equal(t, []string{"listed.top"}, w.blocked().Senders)
				require.Equal(t, []string{"alerted.top"}, w.blocked().Policies)
			})
		}
	}
}
