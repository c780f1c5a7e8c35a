# setup, run, test, prove, bench: what each does stands in README.md and CONTRIBUTING.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Stamps are made one after the other: two installers in one environment get in each other's way.
.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/stamps
# The compiled lists are complete, so nothing is resolved again (--no-deps), and every file is checked.
# uv needs seconds; pip, which knows the machine's own index settings, is the way where uv finds none.
INSTALL = install() { $(BIN)/uv pip install --quiet --system-certs --no-deps --require-hashes --python $(BIN)/python "$$@" \
	|| { echo "uv could not install; trying pip"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes "$$@"; }; }; install
COMPILE = $(BIN)/uv pip compile --system-certs --universal --generate-hashes --no-header --no-config --quiet --python-version 3.11
export UV_PYTHON_DOWNLOADS := never
# The machine's own certificates, as uv, pip and every other program here use them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export NODE_EXTRA_CA_CERTS ?= /etc/ssl/certs/ca-certificates.crt
endif

.PHONY: help
help:  ## Say what can be made.
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMPS)/venv: requirements-setup.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "error: $(PYTHON) is missing or older than 3.11; name another: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear .venv \
		|| { echo "error: $(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt \
		|| echo "uv is not to be had here; pip will do"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/venv requirements.txt
	@$(INSTALL) -r requirements.txt
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime requirements-dev.txt
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

$(STAMPS)/assets: $(STAMPS)/runtime requirements-node.txt $(wildcard package.json package-lock.json .npmrc)
	@if [ -f package.json ]; then \
		if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || ! command -v npm >/dev/null; then \
			$(INSTALL) -r requirements-node.txt; \
			export PATH="$$PWD/$(BIN):$$PATH"; \
		fi; \
		echo 'installing the front-end packages'; npm ci --loglevel=error --ignore-scripts --no-audit --no-fund --no-update-notifier; \
	fi
	@touch $@

# Translations without gettext: Babel writes the same catalogues.
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/*.po)
COMPILED := $(CATALOGUES:.po=.mo)
%.mo: %.po $(STAMPS)/runtime
	@$(BIN)/python -m offload_admin.translations $< $@

.PHONY: setup
setup: $(STAMPS)/runtime $(STAMPS)/assets $(COMPILED)  ## Virtual environment, pinned requirements, front-end assets, translations.
	@if [ -f package.json ] && [ ! -d node_modules ]; then rm -f $(STAMPS)/assets; $(MAKE) --no-print-directory $(STAMPS)/assets; fi

.PHONY: setup-dev
setup-dev: setup $(STAMPS)/dev  ## The same, and what the tests need.

.PHONY: run
run: setup  ## The whole product on http://localhost:8000; Ctrl-C stops it.
	@exec $(BIN)/python -m offload_admin.local --end-with-parent

.PHONY: test
test: setup-dev  ## The gate: lint, types, contracts, tests.
	@exec .ci/gate

.PHONY: prove
prove: setup-dev  ## The long proofs before a release.
	@exec .ci/gate --prove

.PHONY: bench
bench: setup-dev  ## The benchmarks, one table.
	@exec $(BIN)/python -m tests.bench

.PHONY: lock
lock: $(STAMPS)/venv  ## Compile requirements*.in anew (UPGRADE=1 takes the newest).
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-setup.in -o requirements-setup.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements-node.in -o requirements-node.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) requirements.in -o requirements.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --override requirements-overrides.txt requirements-dev.in -o requirements-dev.txt
