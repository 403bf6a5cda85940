# Two commands matter: `make demo` shows what stsguard does, `make test` is all that continuous integration runs.
# Build caches live outside the clone; CARGO_TARGET_DIR and STSGUARD_CACHE move them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CACHE := $(or $(STSGUARD_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stsguard)
LOCK := $(shell sha256sum Cargo.lock rust-toolchain.toml | sha256sum | cut -c1-12)
export CARGO_TARGET_DIR ?= $(CACHE)/target-$(LOCK)
export STSGUARD_CACHE := $(CACHE)
CARGO := cargo
KEEP ?=

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sort | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: test
test: format lint docs units chart e2e ## everything that continuous integration runs

.PHONY: format
format: ## is the code formatted?
	$(CARGO) fmt --check

.PHONY: lint
lint: ## clippy, warnings are errors
	$(CARGO) clippy --locked --all-targets --test e2e --test chart -- -D warnings

.PHONY: docs
docs: ## does the API documentation build without a broken link?
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --lib --document-private-items

.PHONY: units
units: ## all tests that need no cluster
	$(CARGO) test --locked

.PHONY: chart
chart: packages ## is the chart sound? both helms, its rights, its alerts and its dashboard
	tests/e2e/control-plane/build.sh >/dev/null
	tests/chart/tools/build.sh >/dev/null
	$(CARGO) test --locked --test chart

.PHONY: e2e
e2e: packages ## the scenarios on a real API server
	$(CARGO) test --locked --test e2e

.PHONY: demo
demo: packages ## a real cluster, the chart, good and bad manifests (KEEP=1 ends in a shell inside)
	$(CARGO) build --locked --quiet
	KEEP="$(KEEP)" $(CARGO) run --locked --quiet --example demo

.PHONY: packages
packages:
	@tests/e2e/control-plane/packages.sh

.PHONY: bench
bench: ## speed, as ratios to a floor measured in the same run
	$(CARGO) bench --locked

FUZZ_SECONDS ?= 60
CARGO_FUZZ := 0.13.2
.PHONY: fuzz
fuzz: ## hostile input, FUZZ_SECONDS=60 for each target; what fails is kept in tests/fuzzed
	@test -x "$(CACHE)/cargo-fuzz-$(CARGO_FUZZ)/bin/cargo-fuzz" || \
	  CARGO_TARGET_DIR= $(CARGO) install --locked --quiet cargo-fuzz --version $(CARGO_FUZZ) --root "$(CACHE)/cargo-fuzz-$(CARGO_FUZZ)"
	@fuzz/run "$(CACHE)" "$(CARGO_FUZZ)" "$(FUZZ_SECONDS)"
