package main

import (
	"context"
	"fmt"
)

// parts are all measurements, in the order in which they are run: the longest comes last, so that it is the one that is
// left out when the time is up.
func parts() []part {
	return []part{
		{
			name: "first", rounds: 3, measure: (*run).measureFirst,
			about: "Mimecast's logs to Falcon on the development server: a first run, the same data again, and runs with nothing new.",
		},
		{
			name: "back", rounds: 1, measure: (*run).measureBack,
			about: "Falcon's IOC list to Mimecast on the development server: the first import, the same list again, and runs with nothing new.",
		},
		{
			name: "limit", rounds: 1, measure: (*run).measureLimit,
			about: "How much of Mimecast's rate limit is in use, in both directions, while that is all that keeps a flow back.",
		},
		{
			name: "latency", rounds: 1, measure: (*run).measureLatency,
			about: "How long it takes from a detection at one vendor until the other one blocks it, in both directions at the same time.",
		},
		{
			name: "console", rounds: 1, measure: (*run).measureConsole,
			about: "The pages of the worker's console that show the ledger, of two integrations that differ in nothing but it: one has an " +
				"empty ledger, one a large one. Each page is asked for over HTTP in turn, so that what else the machine does delays both. " +
				"Times are those of the client, from the request to the last byte: with what the page asks of Temporal.",
		},
		{
			name: "faults", rounds: 1, measure: (*run).measureFaults,
			about: "The same import without faults, and with one call in twenty spoilt in one of ten ways, in both directions. " +
				"Where Mimecast has put domains into a group and its answer is lost, they are put there again, it refuses them without saying " +
				"why, and one more call in its older style names the reason. " +
				"Times hold waits of a minute that are meant: before a token is asked for again that was refused, and before a group is made " +
				"again whose making got no answer.",
		},
		{
			name: "recovery", rounds: 1, measure: (*run).measureRecovery,
			about: "A worker is killed in the middle of a step and another one started at once: when the step's next attempt starts.",
		},
		{
			name: "growth", rounds: 1, measure: (*run).measureGrowth,
			about: "First imports of hashes from Falcon's IOC list that grow tenfold: memory, calls, events and time. BYOTI's quota is set " +
				"to as much as is listed; an account usually has 100,000. What is not done after twelve minutes is broken off and said to be.",
		},
		{
			name: "cluster", rounds: 1, measure: (*run).measureCluster,
			about: "Both directions with a Temporal server of two processes, each with all services, and the ledger, both on one PostgreSQL " +
				"server that writes to the disk before it answers. On the way back the process that all clients are connected to is killed.",
		},
		{
			name: "fleet", rounds: 1, measure: (*run).measureFleet,
			about: "Many idle integrations, three flows each, on one worker and one development server: whether each run ends before the next " +
				"one is due, and what it costs.",
		},
	}
}

// measureFirst measures Mimecast's logs on their way to Falcon.
func (r *run) measureFirst(ctx context.Context, f *figures) error {
	return r.on(ctx, developmentServer, r.logs(r.records, r.indicators), func(b *bench) error { return b.first(ctx, f) })
}

// logs are the arguments of a simulator whose logs hold nothing but what is worth sharing.
func (r *run) logs(records, indicators int) []string {
	return []string{"--plain", "--records", fmt.Sprint(records), "--indicators", fmt.Sprint(indicators)}
}

// measureBack measures Falcon's IOC list on its way to Mimecast.
func (r *run) measureBack(ctx context.Context, f *figures) error {
	return r.on(ctx, developmentServer, nil, func(b *bench) error { return b.back(ctx, f) })
}
