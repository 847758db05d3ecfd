-- +goose Up

-- Browsing, newest change first: one state, all. The source stands at the end, so that whatever a page filters by is in the
-- index, and a search for a rare source does not look at the row of each other one. Under new names, since making them fails
-- where they are there: of two processes that upgrade one file at the same time, the slower one must not do it again.
CREATE INDEX indicators_newest_in_state ON indicators (integration, state, changed_at, list, kind, value, source);
CREATE INDEX indicators_newest ON indicators (integration, changed_at, list, kind, value, source);
DROP INDEX indicators_by_state;
DROP INDEX indicators_by_change;

-- SQLite takes the younger one of two indexes that look as good to it: those that hold a part of the table have to stay
-- younger than the ones above.
DROP INDEX indicators_due;
DROP INDEX indicators_ending;
DROP INDEX indicators_refused;
DROP INDEX indicators_known;
DROP INDEX indicators_shared;
CREATE INDEX indicators_due ON indicators (integration, list, kind, value) WHERE state = 'shared' AND due_at IS NOT NULL;
CREATE INDEX indicators_ending ON indicators (integration, list, expires_at)
    WHERE state = 'shared' AND due_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX indicators_refused ON indicators (integration, list, tries, changed_at) WHERE state = 'quarantined';
CREATE INDEX indicators_known ON indicators (integration, list, kind, value, state) WHERE state <> 'withdrawn';
CREATE INDEX indicators_shared ON indicators (integration, list, source, kind, value) WHERE state = 'shared' AND due_at IS NULL;
