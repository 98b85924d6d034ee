# KMS Perimeter. A newcomer runs `make demo` and `make test`; both install what they need, into this folder only.

PYTHON  ?= python3
VENV    := .venv
SAM     := .venvs/sam
AWS     := .venvs/ministack
CHECKOV := .venvs/checkov
NODE    := tests/oracles/node_modules
AXE     := tests/report/node_modules
# More than a small machine has processors: the tests of the deployed stack mostly wait for it. Whoever is done takes over
# from whoever is not, since some wait for a minute and most take none.
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN); [ $$n -gt 4 ] && echo $$n || echo 4)
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(VENV)/.done ## the command line and everything for development, in .venv
	@echo "now: . $(VENV)/bin/activate && kms-perimeter --help"

.PHONY: demo
demo: $(VENV)/.done $(SAM)/.done $(AWS)/.done ## a day in the life of the service, deployed onto an AWS on this machine
	@$(VENV)/bin/python -m local.demo

.PHONY: test
test: $(VENV)/.done $(SAM)/.done $(AWS)/.done $(CHECKOV)/.done oracles lint ## everything that must hold before a change lands
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: test-deep
test-deep: $(VENV)/.done oracles ## the differential and property tests with twenty times the examples
	KMS_PERIMETER_DEEP=1 $(VENV)/bin/python -m pytest tests/property
	$(VENV)/bin/python -m pytest -m deep tests/oracles

.PHONY: lint
lint: $(VENV)/.done
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/cfn-lint template.yaml central.yaml stackset.yaml

.PHONY: bench
bench: $(VENV)/.done $(SAM)/.done .venvs/bench/.done oracles ## speed and wrong answers, side by side with others
	$(VENV)/bin/python -m bench
	$(VENV)/bin/python -m bench.cold_start

.PHONY: bench-sweep
bench-sweep: $(VENV)/.done ## sweeps of 1,000 and 10,000 keys at a server that enforces the request quotas of KMS
	$(VENV)/bin/python -m bench.sweep

.PHONY: build
build: $(SAM)/.done ## the artefact that `sam deploy` takes
	$(SAM)/bin/sam build --cached --parallel

.PHONY: package
package: build ## the same with archives that are the same byte for byte wherever they are made, in .aws-sam/package
	@$(SAM)/bin/python -m local.archive .aws-sam/build .aws-sam/package

.PHONY: stackset
stackset: build ## the template and the archives for a rollout over accounts, in .aws-sam/stackset
	$(SAM)/bin/python -m local.stackset .aws-sam/build .aws-sam/stackset

.PHONY: docs
docs: $(VENV)/.done ## write docs/command-line.md anew, from the commands' own help
	$(VENV)/bin/python -m kms_perimeter.cli.manual > docs/command-line.md

# Whatever runs `make lock`: the lock files are for any machine, the layer's is for the runtime that the template names.
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header
RUNTIME := $(shell sed -n 's/^ *Runtime: *python//p' template.yaml)
LAYER   := layers/kms_perimeter/requirements

.PHONY: lock
lock: ## write the lock files anew
	for name in dev sam ministack checkov bench; do \
	    $(COMPILE) --universal --python-version 3.11 requirements/$$name.in --output-file requirements/$$name.txt; done
	$(COMPILE) --universal --python-version 3.11 --no-deps requirements/prowler.in --output-file requirements/prowler.txt
	$(COMPILE) --python-platform aarch64-manylinux2014 --python-version $(RUNTIME) --only-binary :all: \
	    $(LAYER).in --output-file $(LAYER).txt

.PHONY: clean
clean: ## remove what was made here
	rm -rf $(VENV) .venvs .aws-sam $(NODE) $(AXE) .hypothesis .pytest_cache .mypy_cache .ruff_cache

# Node is needed only for the engine of somebody else that ours is compared with; without it those tests say so.
.PHONY: oracles
oracles:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE)/.package-lock.json $(AXE)/.package-lock.json; \
	else echo "no npm here: the comparison with iam-simulate and axe-core's look at the report will be skipped"; fi

$(NODE)/.package-lock.json: tests/oracles/package-lock.json
	npm ci --prefix tests/oracles --no-audit --no-fund --loglevel=error

$(AXE)/.package-lock.json: tests/report/package-lock.json
	npm ci --prefix tests/report --no-audit --no-fund --loglevel=error

$(VENV)/.done: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/dev.txt
	$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Prowler without its dependencies: of those, bench.in has what is needed.
.venvs/bench/.done: requirements/bench.txt requirements/prowler.txt
	$(PYTHON) -m venv .venvs/bench
	.venvs/bench/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/bench.txt
	.venvs/bench/bin/pip install --quiet --no-deps --require-hashes --requirement requirements/prowler.txt
	@touch $@

.venvs/%/.done: requirements/%.txt
	$(PYTHON) -m venv .venvs/$*
	.venvs/$*/bin/pip install --quiet --no-deps --require-hashes --requirement $<
	@touch $@
