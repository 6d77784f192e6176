# Stint. `make` alone prints this help; CONTRIBUTING.md says more.

GO      ?= go
TOOL    := $(GO) tool -modfile=tools.mod
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
VULNDB  ?= https://vuln.go.dev
FUZZTIME ?= 10s
KILLS   ?= 50
RUNS    ?= 1000

.DEFAULT_GOAL := help
.PHONY: help gen build run test test-postgres e2e lint check bench gallery soak fuzz vuln image clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

gen: ## Make the generated files anew: pages from templates, docs/configuration.md
	$(TOOL) templ generate -path views
	$(GO) run ./cmd/stint config --format markdown > docs/.configuration.new
	@mv docs/.configuration.new docs/configuration.md

build: ## Build bin/stint
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/stint ./cmd/stint

run: build ## Build, and show the sample organisation on this machine (needs nothing but Go)
	bin/stint demo $(ARGS)

test: ## Install what the tests need (Debian, root) and run every test
	@.ci/test

test-postgres: ## The tests of the store, of operations and of pages with PostgreSQL in the place of SQLite
	$(GO) test ./internal/store/...
	STINT_TEST_ENGINE=postgres $(GO) test ./internal/broker ./web

e2e: ## Only the tests in a real browser
	@STINT_E2E=1 .ci/test browser

lint: ## Format, vet, staticcheck, tests that sleep
	@.ci/check lint

check: ## lint, generated files, gosec, who may import whom
	@.ci/check

bench: ## Benchmarks, each with its ratio to the raw limit of this machine
	$(GO) test -run '^$$' -bench . -benchmem ./...

gallery: ## Every page with sample data, to look at
	$(GO) run ./views/gallery

soak: ## Kill the servers KILLS times (50) under load and judge what is left; RUNS runs (1000) of the machine
	STINT_KILLS=$(KILLS) STINT_NODE_ROUNDS=$(KILLS) $(GO) test -count=1 -v -timeout 2h -run 'Crash|TestNodes|Soak' ./cmd/stint
	STINT_RUNS=$(RUNS) $(GO) test -count=1 -v -timeout 2h -run TestMachine ./internal/broker

fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

vuln: ## Known vulnerabilities; without a network: VULNDB=file:///directory
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 -db $(VULNDB) ./...

image: ## Build the container image (needs docker or podman)
	$$(command -v podman || command -v docker) build --build-arg VERSION=$(VERSION) -t stint .

clean: ## Remove what was built and the demo's data
	rm -rf bin demo-data coverage.out
