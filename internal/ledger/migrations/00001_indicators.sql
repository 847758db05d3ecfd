-- +goose Up

-- Times are text, UTC, always with six decimals (2026-11-16T14:49:18.000000Z): they sort as they read, and the same
-- statements serve SQLite and PostgreSQL.
CREATE TABLE indicators (
    integration TEXT NOT NULL,
    direction   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    value       TEXT NOT NULL,
    source      TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    vendor_id   TEXT NOT NULL,
    action      TEXT NOT NULL,
    severity    TEXT NOT NULL,
    record      TEXT NOT NULL,
    run         TEXT NOT NULL,
    seen_at     TEXT,
    expires_at  TEXT,
    recorded_at TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    PRIMARY KEY (integration, direction, kind, value)
);

-- What a run did.
CREATE INDEX indicators_by_run ON indicators (integration, direction, run);

-- Browsing, newest change first: all, one state, one value.
CREATE INDEX indicators_by_change ON indicators (integration, changed_at, direction, kind, value);
CREATE INDEX indicators_by_state ON indicators (integration, state, changed_at, direction, kind, value);
CREATE INDEX indicators_by_value ON indicators (integration, value, changed_at, direction, kind);
