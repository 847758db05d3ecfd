package settings

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// cronCharacters leaves out macros (@hourly, @every), time zones (TZ=, CRON_TZ=), seconds and comments: Temporal would
// take some of them, but a person reading the settings should need one notation only, and all times are UTC.
var (
	cronCharacters = regexp.MustCompile(`^[A-Za-z0-9*,/ -]+$`)
	cronStep       = regexp.MustCompile(`/([0-9]+)`)
)

const (
	maxCron     = 200
	cronRule    = `must be a cron expression of five fields in UTC (minute, hour, day of month, month, day of week) such as "*/5 * * * *"`
	dayOfMonth  = 2
	dayOfWeek   = 4
	everyDay    = "*"
	cronColumns = 5
)

func (s *Schedule) fields(c *check) {
	s.ShareTTPLogs = cronField(c, "schedule.shareTTPLogs", s.ShareTTPLogs)
	s.ImportIOCs = cronField(c, "schedule.importIOCs", s.ImportIOCs)
	s.ImportAlerts = cronField(c, "schedule.importAlerts", s.ImportAlerts)
}

// cronField gives the expression with single spaces.
func cronField(c *check, path, expression string) string {
	columns := strings.Fields(expression)
	switch {
	case strings.HasPrefix(expression, "@"), strings.Contains(expression, "="):
		c.add(path, "%s; macros and time zones are not accepted: %s", cronRule, quote(expression))
		return expression
	case len(expression) > maxCron, !cronCharacters.MatchString(expression), len(columns) != cronColumns:
		c.add(path, "%s, not %s", cronRule, quote(expression))
		return expression
	}
	expression = strings.Join(columns, " ")
	if problem := cronProblem(columns); problem != "" {
		c.add(path, "%s: %s", problem, quote(expression))
	}
	return expression
}

func cronProblem(columns []string) string {
	units := [cronColumns]struct {
		name string
		size int
	}{{"minute", 60}, {"hour", 24}, {"day of month", 31}, {"month", 12}, {"day of week", 7}}
	for i, column := range columns {
		for _, step := range cronStep.FindAllStringSubmatch(column, -1) {
			if size, err := strconv.Atoi(step[1]); err != nil || size >= units[i].size {
				return "the step /" + shorten(step[1]) + " is longer than the " + units[i].name + " column"
			}
		}
	}
	if _, err := parseCron(columns); err != nil {
		return cronRule + "; " + shorten(err.Error())
	}
	due, err := firings(columns)
	if err != nil || due.Next(cronStart()).IsZero() {
		return "never comes due"
	}
	return ""
}

func parseCron(columns []string) (cron.Schedule, error) {
	return cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(strings.Join(columns, " "))
}

// firings are the moments at which columns come due. Temporal runs a schedule on days that fit both day columns, this parser
// on days that fit either: of two that both restrict, the day of the week is left out. Every date meets every day of the week
// some year, so whether an expression ever comes due shows all the same.
func firings(columns []string) (cron.Schedule, error) {
	judged := slices.Clone(columns)
	if judged[dayOfMonth] != everyDay {
		judged[dayOfWeek] = everyDay
	}
	return parseCron(judged)
}

// cronStart is when a look at firings starts: at the beginning of a leap year, so that its 29 February is met.
func cronStart() time.Time { return time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC) }

// enoughFirings are looked at for the shortest distance: two whole days of an expression that comes due every other minute,
// years of one that comes due once a day.
const enoughFirings = 1500

// Interval is the shortest time between two firings of a cron expression that the settings accept, in UTC and as far as its
// first 1,500 firings tell; never less than a minute. It is zero for what is no such expression, or fires once in years. For
// one that restricts both the day of the month and the day of the week it is at most that time.
func Interval(expression string) time.Duration {
	columns := strings.Fields(expression)
	if len(columns) != cronColumns {
		return 0
	}
	due, err := firings(columns)
	if err != nil {
		return 0
	}
	shortest := time.Duration(0)
	last := due.Next(cronStart().Add(-time.Minute))
	for range enoughFirings {
		next := due.Next(last)
		if next.IsZero() {
			break
		}
		if distance := next.Sub(last); shortest == 0 || distance < shortest {
			shortest = distance
		}
		if shortest <= time.Minute {
			break // cron knows nothing shorter
		}
		last = next
	}
	return shortest
}

// twoDayColumns says whether an expression restricts the day of the month and the day of the week.
func twoDayColumns(expression string) bool {
	columns := strings.Fields(expression)
	return len(columns) == cronColumns && columns[dayOfMonth] != everyDay && columns[dayOfWeek] != everyDay
}
