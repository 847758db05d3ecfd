#!/bin/sh
# Makes the namespace and registers the search attribute ThreatShareState in it. Safe to run again. TEMPORAL_ADDRESS and
# TEMPORAL_NAMESPACE are read by the Temporal CLI itself.
set -eu

# patiently <what> <command…> tries for about two minutes.
patiently() {
	what=$1
	shift
	tries=60
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then
			echo "gave up: $what:" >&2
			"$@" # once more, for its message
		fi
		sleep 2
	done
}

has_attribute() { temporal operator search-attribute list | grep -q '^ *ThreatShareState '; }

patiently 'the Temporal server is not healthy' temporal operator cluster health
if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "${RETENTION:-168h}"
fi
# A new namespace takes some seconds to be known everywhere.
patiently 'the namespace is not there' temporal operator search-attribute list
if ! has_attribute; then
	temporal operator search-attribute create --name ThreatShareState --type Keyword
fi
patiently 'the search attribute is not there' has_attribute
echo "namespace $TEMPORAL_NAMESPACE has the search attribute ThreatShareState"
