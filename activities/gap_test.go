package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/threatshare/threatshare/activities"
	"github.com/threatshare/threatshare/internal/indicator"
)

const month = 30 * 24 * time.Hour // how long Mimecast keeps its logs

func TestATimeThatMimecastNoLongerKeepsIsReportedAsAGapOnce(t *testing.T) {
	w := newWorld(t)
	since := w.clock.now().Add(-24 * time.Hour)
	read := func(cursor activities.Cursor) activities.FetchTTPLogsResult {
		in := w.fetchInput(indicator.URLDomains, cursor)
		in.Since = since
		result, err := run[activities.FetchTTPLogsResult](w, w.FetchTTPLogs, in)
		require.NoError(t, err)
		return result
	}
	first := read(activities.Cursor{})
	require.Nil(t, first.Gap, "a first read misses nothing")
	readTo := w.clock.now()
	require.Equal(t, readTo, first.Cursor.ReadTo)

	w.clock.pass(month + 25*time.Hour + 3*time.Minute)
	late := read(first.Cursor)
	require.Equal(t, &activities.Gap{From: readTo, To: w.clock.now().Add(-month)}, late.Gap)

	w.clock.pass(5 * time.Minute)
	require.Nil(t, read(late.Cursor).Gap)
}

func TestALogThatIsQuietForLongHasNoGap(t *testing.T) {
	w := newWorld(t)
	cursor := activities.Cursor{Newest: w.clock.now().Add(-time.Hour)}
	for range 9 {
		read := w.fetch(indicator.AttachmentHashes, cursor)
		require.Nil(t, read.Gap)
		cursor = read.Cursor
		w.clock.pass(5 * 24 * time.Hour)
	}
}

func TestACheckpointFromBeforeGapsWereKnownReportsNone(t *testing.T) {
	w := newWorld(t)
	require.Nil(t, w.fetch(indicator.URLDomains, activities.Cursor{Newest: w.clock.now().Add(-2 * month)}).Gap, "the log may have been quiet")
}
