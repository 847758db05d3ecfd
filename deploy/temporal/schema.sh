#!/bin/sh
# Brings Temporal's two databases to the schema of this version of the tools; what is there already is left alone. SQL_HOST,
# SQL_PORT, SQL_USER and SQL_PLUGIN are read by temporal-sql-tool itself.
set -eu
SQL_PASSWORD=$(cat "${SECRETS:-/run/secrets}/temporal_db_password")
export SQL_PASSWORD

# migrate <database> <schema>
migrate() {
	temporal-sql-tool --db "$1" setup-schema --version 0.0
	temporal-sql-tool --db "$1" update-schema --schema-name "postgresql/v12/$2"
}
migrate temporal temporal
migrate temporal_visibility visibility
