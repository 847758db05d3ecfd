-- +goose Up

-- First, because it fails where the table is there: of two processes that upgrade one file at the same time, the slower one
-- must not do the rest again.
CREATE TABLE remediations (
    integration TEXT NOT NULL,
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL,
    day         TEXT NOT NULL,
    source      TEXT NOT NULL,
    state       TEXT NOT NULL,
    incident    TEXT NOT NULL,
    code        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    identified  BIGINT NOT NULL,
    successful  BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    run         TEXT NOT NULL,
    wanted_at   TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    PRIMARY KEY (integration, kind, value, day)
);
CREATE INDEX remediations_wanted ON remediations (integration, source, wanted_at, value, day) WHERE state = 'wanted';
CREATE INDEX remediations_by_state ON remediations (integration, state, identified, successful, failed);

-- A vendor has several lists, and a value can be on each, so the list takes the place of the direction in the key. SQLite
-- cannot change a primary key: a new table takes the place of the old one.
CREATE TABLE indicators_by_list (
    integration TEXT NOT NULL,
    list        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL,
    direction   TEXT NOT NULL,
    source      TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    vendor_id   TEXT NOT NULL,
    action      TEXT NOT NULL,
    severity    TEXT NOT NULL,
    record      TEXT NOT NULL,
    run         TEXT NOT NULL,
    tries       BIGINT NOT NULL,
    due_reason  TEXT NOT NULL,
    seen_at     TEXT,
    expires_at  TEXT,
    due_at      TEXT,
    recorded_at TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    PRIMARY KEY (integration, list, kind, value)
);
INSERT INTO indicators_by_list
SELECT integration,
       CASE WHEN direction = 'to-falcon' THEN 'iocs' WHEN kind = 'sha256' THEN 'byoti' ELSE 'blocked-senders' END,
       kind, value, direction, source, state, reason, detail, vendor_id, action, severity, record, run,
       CASE WHEN state = 'quarantined' THEN 1 ELSE 0 END,
       '', seen_at, expires_at, NULL, recorded_at, changed_at
FROM indicators
ORDER BY integration, direction, kind, value;
DROP TABLE indicators;
ALTER TABLE indicators_by_list RENAME TO indicators;

-- What a run did, counted without a look at the rows.
CREATE INDEX indicators_by_run ON indicators (integration, run, list, source, state, reason);

-- Browsing, newest change first: all, one state, one value.
CREATE INDEX indicators_by_change ON indicators (integration, changed_at, list, kind, value);
CREATE INDEX indicators_by_state ON indicators (integration, state, changed_at, list, kind, value);
CREATE INDEX indicators_by_value ON indicators (integration, value, changed_at, list, kind);

-- What every run asks for, also the one with nothing to do: what is to be withdrawn, what to try again, and what is shared
-- and stays, to count it and to compare lists.
CREATE INDEX indicators_due ON indicators (integration, list, kind, value) WHERE state = 'shared' AND due_at IS NOT NULL;
CREATE INDEX indicators_ending ON indicators (integration, list, expires_at)
    WHERE state = 'shared' AND due_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX indicators_refused ON indicators (integration, list, tries, changed_at) WHERE state = 'quarantined';
CREATE INDEX indicators_known ON indicators (integration, list, kind, value, state) WHERE state <> 'withdrawn';
CREATE INDEX indicators_shared ON indicators (integration, list, source, kind, value) WHERE state = 'shared' AND due_at IS NULL;
