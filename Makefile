PYTHON ?= python3
VENV   ?= .venv
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
READY  := $(VENV)/.ready-to-run
TOOLED := $(VENV)/.ready-to-test
NODE   := tests/clients/node
NODED  := $(NODE)/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup test check cover format demo load bench profile chaos clients fuzz lock sbom clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) $(TOOLED) ## Make .venv with everything in it (the other targets do so as they need)

# Some hundred processes are started in a run: none of them is to compile everything again.
test: $(TOOLED) ## Run every test; ARGS="..." goes to pytest
	PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(TOOLED) ## Format, lint, types, import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

cover: $(TOOLED) ## Show what the unit tests of the pure core leave untouched
	$(VENV)/bin/coverage run -m pytest -q tests/unit/policy tests/unit/cloudapi
	$(VENV)/bin/coverage report --include='src/tidegate/policy/*,src/tidegate/cloudapi/*' --fail-under=100

format: $(TOOLED) ## Put the code into its form
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

demo: $(READY) ## Simulated Cloud API and gateway with sample traffic; ARGS="..." goes to it
	$(VENV)/bin/tidegate demo $(ARGS)

load: $(TOOLED) ## Roll a campaign out through gateway and simulator, and report
	$(VENV)/bin/python -m loadtest campaign $(ARGS)

bench: $(TOOLED) ## Measure speed against bare proxies on this machine; ARGS="--quick" in a few minutes
	$(VENV)/bin/python -m loadtest.bench $(ARGS)

profile: $(TOOLED) ## Load a node, and draw where its CPU goes into build/profile.svg; ARGS="..." goes to it
	$(VENV)/bin/python -m loadtest.bench.profile $(ARGS)

chaos: $(TOOLED) ## Break real processes in every way of a table, and print it; ARGS="..." goes to it
	$(VENV)/bin/python -m tests.chaos $(ARGS)

clients: $(TOOLED) $(NODED) ## Run eleven client libraries against the gateway (needs npm), and print it; ARGS="..." goes to it
	$(VENV)/bin/python -m tests.clients $(ARGS)

fuzz: $(TOOLED) ## Send 20,000 mutated requests to a node, and tell what came of them; ARGS="..." goes to it
	$(VENV)/bin/python -m tests.badinput.fuzz $(ARGS)

lock: $(TOOLED) ## Resolve the runtime dependencies anew into requirements.lock, with their hashes
	$(VENV)/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --only-binary :all: \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' --output-file requirements.lock $(ARGS)

sbom: $(TOOLED) ## Write what requirements.lock installs as CycloneDX into build/sbom.json
	@mkdir -p build
	$(VENV)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --of JSON --sv 1.6 \
		--output-reproducible --validate --output-file build/sbom.json

clean: ## Remove what these targets made
	rm -rf $(VENV) $(NODE)/node_modules build dist .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'tidegate needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'This Python cannot make a venv with pip. On Debian or Ubuntu: apt install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(TOOLED): pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[test,dev]'
	@touch $(READY) $@

$(NODED): $(NODE)/package-lock.json
	@command -v npm >/dev/null || { echo 'The Node clients need Node 20.19 or newer with npm.' >&2; exit 1; }
	npm ci --prefix $(NODE) --ignore-scripts --no-audit --no-fund
	@touch $@
