-- +goose Up

-- How many entries came into a state on a day (UTC, such as 2026-11-16), kept beside the entries: counting these for a chart
-- would read all of them.
CREATE TABLE days (
    integration TEXT NOT NULL,
    day         TEXT NOT NULL,
    source      TEXT NOT NULL,
    state       TEXT NOT NULL,
    n           BIGINT NOT NULL,
    PRIMARY KEY (integration, day, source, state)
);

-- What the entries still tell: the state that each came into last.
INSERT INTO days
SELECT integration, substr(changed_at, 1, 10), source, state, count(*)
FROM indicators
GROUP BY integration, substr(changed_at, 1, 10), source, state;
