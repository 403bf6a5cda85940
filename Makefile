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
# Which Kubernetes the cluster of `make e2e`, `make soak` and `make demo` runs; the one of tests/cluster/control-plane/go.mod
# when none is named.
KUBERNETES ?=
export STSGUARD_KUBERNETES := $(KUBERNETES)
# Links a program of ours without shared libraries. Only the last step differs, so dependencies are built once for both.
STATIC := -- -C target-feature=+crt-static
IMAGE ?= stsguard:$(shell sed -n 's/^appVersion: *"*\([^"]*\)"*/\1/p' charts/stsguard/Chart.yaml)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sort | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: test
test: format lint docs units chart e2e ## everything that continuous integration runs

.PHONY: format
format: ## is the code formatted?
	$(CARGO) fmt --check

.PHONY: lint
lint: ## clippy, warnings are errors
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --test e2e --test chart -- -D warnings # beside --all-targets they would be left out

.PHONY: docs
docs: ## does the API documentation build without a broken link?
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --lib --document-private-items

.PHONY: units
units: packages ## all tests that need no cluster
	$(CARGO) test --locked --workspace

.PHONY: chart
chart: packages ## is the chart sound? both helms, its rights, its alerts and its dashboard
	tests/cluster/control-plane/build.sh "$(CACHE)" >/dev/null
	tests/chart/tools/build.sh "$(CACHE)" >/dev/null
	$(CARGO) test --locked --test chart

SCENARIO ?=
.PHONY: e2e
e2e: packages static ## the scenarios on a real API server (SCENARIO=volumes:: takes some, KUBERNETES=v1.30.14 another version)
	STSGUARD_BINARY="$(CARGO_TARGET_DIR)/static/debug/stsguard" $(CARGO) test --locked --test e2e -- $(SCENARIO)

# In a folder of its own, for cargo has one name for both kinds of link.
.PHONY: static
static:
	$(CARGO) rustc --locked --bin stsguard $(STATIC)
	mkdir -p "$(CARGO_TARGET_DIR)/static/debug"
	cp "$(CARGO_TARGET_DIR)/debug/stsguard" "$(CARGO_TARGET_DIR)/static/debug/stsguard"

.PHONY: image
image: packages ## the image's binary, tried in an empty root, and the image where there is a tool to build it
	$(CARGO) rustc --locked --release --bin stsguard $(STATIC)
	mkdir -p "$(CARGO_TARGET_DIR)/static/release"
	cp "$(CARGO_TARGET_DIR)/release/stsguard" "$(CARGO_TARGET_DIR)/static/release/stsguard"
	STSGUARD_BINARY="$(CARGO_TARGET_DIR)/static/release/stsguard" $(CARGO) test --locked --test e2e image::
	@ls -l "$(CARGO_TARGET_DIR)/static/release/stsguard"
	@builder=""; for tool in docker podman buildah; do \
		if "$$tool" info >/dev/null 2>&1; then builder="$$tool"; break; fi; \
	done; \
	if [ -n "$$builder" ]; then \
		"$$builder" build --file Dockerfile --tag "$(IMAGE)" "$(CARGO_TARGET_DIR)/static/release"; \
	else \
		echo "neither docker, podman nor buildah runs here: the binary above is the image's whole content"; \
	fi

.PHONY: soak
soak: packages static ## 200 restarts and 5 with real times under load, then 20 minutes of mixed traffic (about an hour)
	STSGUARD_BINARY="$(CARGO_TARGET_DIR)/static/debug/stsguard" STSGUARD_RESTARTS=$(or $(RESTARTS),200) \
		STSGUARD_REAL_RESTARTS=$(or $(REAL_RESTARTS),5) STSGUARD_SOAK_MINUTES=$(or $(MINUTES),20) \
		$(CARGO) test --locked --test e2e -- --ignored --nocapture

.PHONY: demo
demo: packages ## a real cluster, a real PostgreSQL, before and after stsguard (KEEP=1 ends in a shell inside)
	@$(CARGO) build --locked --bin stsguard --example demo
	@PG_BIN="$$(tests/e2e/demo/find-postgres.sh)"; export PG_BIN; \
	KEEP="$(KEEP)" $(CARGO) run --locked --quiet --example demo

.PHONY: packages
packages:
	@tests/cluster/packages.sh 'faketime:/usr/lib/*/faketime/libfaketime.so.1'

SERVERS ?=
.PHONY: engine-facts
engine-facts: ## real database servers against the engine catalogue, as root (SERVERS="redis etcd" takes only those)
	tests/engines/packages.sh
	$(CARGO) build --locked --quiet --example engines --example in-cluster
	tests/engines/run "$(CARGO_TARGET_DIR)/debug/examples" $(SERVERS)

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
