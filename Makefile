# Threat Share. `make` lists the targets. Everything needs Go; `make test` also needs a C compiler for the race detector.

# Tools, by the version that `go install` puts into .bin.
# Newer tags of the Temporal CLI cannot be installed this way.
TEMPORAL_VERSION      := v1.5.1
SERVER_VERSION        := v1.32.1
GOLANGCI_LINT_VERSION := v2.15.0
WORKFLOWCHECK_VERSION := v0.6.0
GOVULNCHECK_VERSION   := v1.9.0

# A Temporal CLI on the PATH is used instead of building one.
TEMPORAL_CLI ?= $(or $(shell sh -c 'command -v temporal'),$(CURDIR)/.bin/temporal)
export TEMPORAL_CLI

# A folder outside this clone where built tools are kept for other clones; empty: only .bin.
export TOOL_CACHE ?=
# SQLite is C translated to Go: checking each of its pointers, as the race detector does, takes minutes and tells nothing.
NO_CHECKPTR := modernc.org/...=-d=checkptr=0
# An offline copy of the Go vulnerability database for `make vulncheck`, a folder or an archive; empty: the one beside the
# clone if there is one, else vuln.go.dev.
export VULNDB ?=
# How long `make fuzz` tries each target.
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use it

.PHONY: demo
demo: temporal ## Watch it work: Temporal, both vendors simulated, worker, one integration
	@go build -o bin/demo ./internal/demo && exec bin/demo

.PHONY: demo-compose
demo-compose: ## The same in containers: both vendors simulated, PostgreSQL, mail caught (needs Docker Compose)
	docker compose --env-file deploy/demo.env --profile demo up

.PHONY: build
build: ## Build bin/worker and bin/starter
	go build -trimpath -ldflags='-s -w' -o bin/ ./worker ./starter

##@ Check it

.PHONY: test
test: ## Unit, contract and replay tests with the race detector
	go test -race -shuffle=on -timeout 20m -gcflags='$(NO_CHECKPTR)' ./...

.PHONY: lint
lint: golangci-lint workflowcheck ## Linters, formatting, and determinism of the workflows
	.bin/golangci-lint run
	.bin/golangci-lint fmt --diff
	.bin/workflowcheck -config .workflowcheck.yml ./workflows/...

.PHONY: e2e
e2e: temporal ## End-to-end tests on a real Temporal server
	go test -tags e2e -count=1 -timeout 30m ./internal/e2e/... ./deploy/...

.PHONY: chaos
chaos: temporal ## The fault tests at full length: kills, outages, floods (about forty minutes; ONLY=regular expression)
	go test -tags 'e2e chaos' -count=1 -timeout 4h -p 1 -run '^TestFault_$(ONLY)' ./...

.PHONY: bench
bench: temporal ## Measure everything beside its bounds and write docs/benchmarks.md (an hour and a half; ONLY=first,back,…)
	-@$(MAKE) --no-print-directory temporal-server # without it one part fails, and says so
	@go run ./internal/bench $(if $(ONLY),-only $(ONLY))

.PHONY: fuzz
fuzz: ## Each fuzz target for half a minute, one after the other (FUZZTIME=10m; ONLY=regular expression)
	@.ci/fuzz $(FUZZTIME) '$(ONLY)'

.PHONY: vulncheck
vulncheck: govulncheck ## Known vulnerabilities that the code reaches (VULNDB=folder or archive: offline)
	@.ci/vulncheck

.PHONY: reproducible
reproducible: ## Two builds in two folders, the second from scratch: the same bytes, and not too many
	@.ci/reproducible --fresh

##@ Change it

.PHONY: fmt
fmt: golangci-lint ## Format the code
	.bin/golangci-lint fmt

.PHONY: schema
schema: ## Generate settings.schema.json from the settings type
	go generate ./internal/settings

.PHONY: lists
lists: ## Refresh the guard's lists
	go run ./internal/guard/lists/refresh

.PHONY: histories
histories: temporal ## Record the histories under workflows/testdata again
	go run ./internal/histories

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin

.PHONY: clean-all
clean-all: clean ## Remove the tools as well
	rm -rf .bin

##@ Tools

.PHONY: temporal
temporal: ## The Temporal CLI, unless one is on the PATH
ifeq ($(TEMPORAL_CLI),$(CURDIR)/.bin/temporal)
	@.ci/install-tool github.com/temporalio/cli/cmd/temporal $(TEMPORAL_VERSION) 'about 2½ minutes, up to 5 on a slow machine'
endif

.PHONY: temporal-server
temporal-server: ## The Temporal server for PostgreSQL and the tool that makes its tables
	@.ci/install-tool go.temporal.io/server/cmd/server $(SERVER_VERSION) 'about 4 minutes, up to 10 on a slow machine' temporal-server
	@.ci/install-tool go.temporal.io/server/cmd/tools/sql $(SERVER_VERSION) 'about a minute' temporal-sql-tool

.PHONY: golangci-lint
golangci-lint: ## The linter
	@.ci/install-tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(GOLANGCI_LINT_VERSION) 'about 2 minutes'

.PHONY: workflowcheck
workflowcheck: ## The check that workflow code is deterministic
	@.ci/install-tool go.temporal.io/sdk/contrib/tools/workflowcheck $(WORKFLOWCHECK_VERSION) 'some seconds'

.PHONY: govulncheck
govulncheck: ## The vulnerability check
	@.ci/install-tool golang.org/x/vuln/cmd/govulncheck $(GOVULNCHECK_VERSION) 'some seconds'

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
