#!/usr/bin/env bash
# Runs once, when PostgreSQL makes its data directory: a user and two databases for Temporal, a user and a database for the
# ledger, and neither may look into the other's. Passwords are files and do not show up in a process list.
set -euo pipefail
export SECRETS="${SECRETS:-/run/secrets}"
for name in temporal_db_password ledger_db_password; do
	[ -s "$SECRETS/$name" ] || { echo "$SECRETS/$name is missing, empty or not readable" >&2; exit 1; }
done
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set temporal_password `cat "$SECRETS/temporal_db_password"`
\set ledger_password `cat "$SECRETS/ledger_db_password"`

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

CREATE ROLE threatshare LOGIN PASSWORD :'ledger_password';
CREATE DATABASE threatshare OWNER threatshare;

REVOKE ALL ON DATABASE temporal, temporal_visibility, threatshare FROM PUBLIC;
SQL
