# What a person runs. Everything else is called from here.
#
#   make run     serve on http://127.0.0.1:8080, answered by a built-in look-alike until an account is configured
#   make test    lint, types and tests: the one gate
#   make bench   what luna costs, side by side with other proxies; make bench-quick takes two minutes
#   make setup   .venv with luna in it; the others call it first

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN_READY := $(VENV)/.ready-run
TEST_READY := $(VENV)/.ready-test

# Files of tests side by side, on two cores as well: many wait. What fails is run once more and named (R) in the summary: a
# shared machine may stall at any moment, and a fault fails twice.
PYTEST := $(BIN)/python -m pytest -q -n 4 --dist loadscope --reruns 1 -rR

.PHONY: run test audit agents chromium browser pictures fuzz fuzz-api gauntlet soak lint types setup test-setup bench bench-quick bench-setup golden statements generated ui-types lock clean

run: setup
	@exec $(BIN)/luna serve --demo

setup: $(RUN_READY)
	@if [ -f ui/package.json ]; then $(MAKE) --no-print-directory ui/dist/.built; fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "luna needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(TEST_READY): requirements/test.txt $(RUN_READY)
	$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

ui/dist/.built: ui/package-lock.json $(shell find ui/src ui/index.html -type f 2>/dev/null)
	cd ui && npm ci --no-audit --no-fund && npm run build
	@touch $@

test-setup: setup $(TEST_READY)

# Real agents and SDKs from PyPI and npm, in .agents/: what tests/clients drives.
agents: test-setup
	$(BIN)/python -m tests.clients.agents.installs

# The browser that the tests drive, from the system's own packages.
chromium: test-setup
	@$(BIN)/python -m tests.support.chromium

test: test-setup agents chromium
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/luna check
	cd ui && npm run --silent check && npm run --silent test
	$(PYTEST) --ignore=tests/browser
	$(PYTEST) -m act tests/browser

# The pages in a real Chromium: all of it. The gate runs the main act of each.
browser: test-setup chromium
	$(PYTEST) tests/browser

# Ten minutes of whatever the admin API's description allows; the gate has a short form of it.
fuzz-api: test-setup
	$(BIN)/python -m tests.fuzz.api --seconds 600

# Whether anything that luna is built from is known to be weak. Says NOT AUDITED where the services cannot be asked.
audit: test-setup
	@$(BIN)/python -m tests.security.audit

# Every reader of foreign bytes, side by side; `make fuzz READER=sse SECONDS=3600` is an hour of one. See docs/fuzzing.md.
fuzz: test-setup
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(if $(READER),--reader $(READER)) $(if $(KEEP),--keep)

# Every fault at every point of a flow; `make gauntlet SHORT=--short` is what the gate runs of it. A run that was broken
# off goes on with `make gauntlet GO_ON=--go-on`.
GAUNTLET_REPORT ?= docs/gauntlet.md
gauntlet: test-setup
	$(BIN)/python -m tests.gauntlet $(GO_ON) $(if $(SHORT),--short,--report $(GAUNTLET_REPORT))

# An hour of paced streams with clients that leave, and whether anything grows; `make soak SECONDS=600` is shorter.
soak: test-setup
	$(BIN)/python -m tests.gauntlet.soak --seconds $(or $(SECONDS),3600) --report $(GAUNTLET_REPORT)

# The pictures in docs/, taken by the tests.
pictures: test-setup chromium
	LUNA_SCREENSHOTS=docs/pictures $(BIN)/python -m pytest -q tests/browser/test_inspect.py

lint: test-setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: test-setup
	$(BIN)/mypy

golden: test-setup
	$(BIN)/python -m pytest -q tests/golden --update-golden

ui-types: setup
	$(BIN)/luna openapi --write ui/openapi.json
	cd ui && npm run --silent types && npx prettier --write src/api/schema.ts

# SQLite's words for the statements of every day, as SQLAlchemy has them.
statements: test-setup
	$(BIN)/python -m tests.support.statements

generated: setup ui-types
	$(BIN)/luna check --write-schemas schemas
	$(BIN)/luna check --write-reference docs/stages.md
	$(BIN)/python -m luna.qwen.known fixtures/wire
	$(BIN)/luna doctor --matrix

# What the benchmark measures luna beside, in .bench/: LiteLLM and Portkey; nginx from the system's packages.
bench-setup: test-setup
	@$(BIN)/python -m tests.bench.field.peers

# The field first, written to docs/benchmarks.md, then luna's parts: all of them, even where one costs more than it may.
BENCHES := tests.bench.field $(patsubst %.py,%,$(subst /,.,$(wildcard tests/bench/bench_*.py)))

bench: bench-setup
	@over=; for bench in $(BENCHES); do \
		printf '\n== %s\n' $$bench; $(BIN)/python -m $$bench || over="$$over $$bench"; \
	done; test -z "$$over" || { printf '\nOver what it may cost:%s\n' "$$over"; exit 1; }

# One short round beside what is there of the field; writes nothing.
bench-quick: test-setup
	$(BIN)/python -m tests.bench.field --quick

lock: test-setup
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group build pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group build --group test pyproject.toml -o requirements/test.txt

clean:
	rm -rf $(VENV) .agents .bench ui/dist ui/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
