package console

import (
	"time"

	"github.com/threatshare/threatshare/internal/ledger"
)

// The chart of the last days, in the units of its view box.
const (
	chartDays   = 30
	chartWidth  = 360
	chartHeight = 80
	chartBar    = chartWidth / chartDays
)

// chart is how many values were shared and held on each of the last days, as bars upon each other.
type chart struct {
	Bars         []bar
	Shared, Held int // in all
	Most         int // of a day
}

// bar is one day of a chart.
type bar struct {
	Day          time.Time
	Shared, Held int

	X, SharedY, SharedHeight, HeldY, HeldHeight int
}

// Width, Height and BarWidth are for the page.
func (chart) Width() int    { return chartWidth }
func (chart) Height() int   { return chartHeight }
func (chart) BarWidth() int { return chartBar - 2 }

// First is the first day of the chart.
func (c chart) First() time.Time { return c.Bars[0].Day }

// Last is the last day of the chart.
func (c chart) Last() time.Time { return c.Bars[len(c.Bars)-1].Day }

// firstDay is where the chart begins whose last day is that of until.
func firstDay(until time.Time) time.Time {
	return until.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-chartDays)
}

func newChart(counts []ledger.DayCount, until time.Time) chart {
	c := chart{Bars: make([]bar, chartDays)}
	first := firstDay(until)
	for i := range c.Bars {
		c.Bars[i].Day, c.Bars[i].X = first.AddDate(0, 0, i), i*chartBar+1
	}
	for _, count := range counts {
		i := int(count.Day.Sub(first) / (24 * time.Hour))
		if i < 0 || i >= chartDays {
			continue
		}
		switch count.State {
		case ledger.Shared:
			c.Bars[i].Shared += count.N
			c.Shared += count.N
		case ledger.Held:
			c.Bars[i].Held += count.N
			c.Held += count.N
		default:
		}
	}
	for _, b := range c.Bars {
		c.Most = max(c.Most, b.Shared+b.Held)
	}
	for i := range c.Bars {
		c.Bars[i].draw(c.Most)
	}
	return c
}

func (b *bar) draw(most int) {
	b.SharedHeight, b.HeldHeight = height(b.Shared, most), height(b.Held, most)
	b.SharedY = chartHeight - b.SharedHeight
	b.HeldY = b.SharedY - b.HeldHeight
}

// height leaves whatever there is visible.
func height(n, most int) int {
	if n <= 0 {
		return 0
	}
	return max(1, n*(chartHeight-2)/most)
}
