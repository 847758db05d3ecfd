#!/bin/sh
# Starts the Temporal server with its database password from a file, which the image cannot do by itself.
set -eu
POSTGRES_PWD=$(cat "${SECRETS:-/run/secrets}/temporal_db_password")
export POSTGRES_PWD
exec "${TEMPORAL_ENTRYPOINT:-/etc/temporal/entrypoint.sh}"
